"""PostgreSQL by the month: partitions ahead, old months dropped, nothing lost between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from central_boxes import arrived, calls, count
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import months, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central


def identified(at: datetime, number: int = 0) -> str:
    """A UUIDv7 of that moment."""
    return str(UUID(int=(int(at.timestamp() * 1000) << 80) + (0x7000_8000 << 48) + number))


def test_a_month_begins_where_its_first_id_does() -> None:
    """Ids of a month lie at or above its bound and below that of the next, at both edges."""
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    last = datetime(2026, 3, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    assert months.bound(march) <= identified(march) < identified(last) < months.bound(april)
    assert months.shift(datetime(2026, 12, 31, tzinfo=UTC), 1) == datetime(2027, 1, 1, tzinfo=UTC)


def where(central: Central, call_id: str) -> str:
    """Name of the partition that a call lies in."""
    query = text("SELECT tableoid::regclass::text FROM call WHERE call_id = :call")
    with central.store.reading() as connection:
        return str(connection.scalar(query, {"call": call_id}))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_calls_lie_in_their_months(central: Central, clock: Clock) -> None:
    """A call comes into its month's partition, one of before it was made moves there."""
    said = [messages.report(call) for call in calls(clock, 2)]
    said = [
        one.model_copy(update={"call_id": identified(clock(), n)}) for n, one in enumerate(said)
    ]
    intake = Intake(central)
    intake.take([arrived(said[0])])
    assert where(central, said[0].call_id) == "sered_months.call_other"
    causes = count(central, tables.call_cause)
    assert months.keep(central) == (["2026_03", "2026_04", "2026_05"], [])
    assert months.keep(central) == ([], [])
    intake.take([arrived(one) for one in said])
    assert {where(central, one.call_id) for one in said} == {"sered_months.call_2026_03"}
    assert count(central, tables.call) == count(central, tables.call_report) == 2
    assert count(central, tables.call_cause) >= causes


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_old_months_are_dropped(make_central: Callable[..., Central], clock: Clock) -> None:
    """With `keep_months` a month goes as a whole once it is so old, with all that hangs on it."""
    central = make_central(store={"keep_months": 1})
    months.keep(central)
    (call,) = calls(clock, 1)
    report = messages.report(call).model_copy(update={"call_id": identified(clock())})
    Intake(central).take([arrived(report)])
    row = {"call_id": report.call_id, "week": clock(), "site": "berlin", "team": "recovery",
           "drawn_at": clock(), "p": 0.1}  # fmt: skip
    with central.store.writing() as connection:
        connection.execute(insert(tables.courtesy).values(**row))
    clock.move(31 * 86_400)
    assert months.keep(central)[1] == []
    clock.move(31 * 86_400)
    assert months.keep(central)[1] == ["2026_03"]
    assert count(central, tables.call) == count(central, tables.call_cause) == 0
    assert count(central, tables.courtesy) == count(central, tables.call_report) == 0
