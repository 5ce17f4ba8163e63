"""The hourly counts: always those of the rows, in both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, select, update

from insight_stage import Calls
from sered.central.insight import keeping, rollup
from sered.central.store.tables import call, daily_case, desk, hourly

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from central_stage import Clock
    from sered.central.context import Central


def counted(central: Central) -> tuple[int, int]:
    """Calls and negative ones, by the counts."""
    with central.store.reading() as connection:
        query = select(func.sum(hourly.c.calls), func.sum(hourly.c.negative))
        calls, negative = connection.execute(query).one()
    return int(calls or 0), int(negative or 0)


def test_counts_follow_the_rows(central: Central, clock: Clock) -> None:
    """Calls, late calls and calls that were erased: the counts are those of the rows."""
    calls = Calls(central)
    calls.add(clock() - timedelta(hours=30), 7)
    calls.unhappy(clock() - timedelta(minutes=1), 3, causes=("delay",))
    assert rollup.follow(central) == 2
    assert counted(central) == (10, 3)
    assert rollup.differences(central) == []
    clock.move(3600)
    late = calls.unhappy(clock() - timedelta(hours=31), 2)
    rollup.follow(central)
    assert counted(central) == (12, 5)
    with central.store.writing() as connection:
        connection.execute(delete(call).where(call.c.call_id.in_(late)))
    assert len(rollup.differences(central)) == 1
    rollup.mark_all(central)
    rollup.follow(central)
    assert counted(central) == (10, 3)
    assert rollup.differences(central) == []


def test_nothing_is_counted_twice(central: Central, clock: Clock) -> None:
    """However often it is looked, and across the overlap of two looks."""
    calls = Calls(central)
    for _ in range(5):
        calls.add(clock() - timedelta(seconds=1), 4)
        rollup.follow(central)
        rollup.follow(central)
        clock.move(20)
    assert counted(central) == (20, 0)


def test_a_count_that_was_changed_is_found(central: Central, clock: Clock) -> None:
    """Held against the rows, a wrong count is named with its hour."""
    Calls(central).add(clock(), 5)
    rollup.follow(central)
    with central.store.writing() as connection:
        connection.execute(update(hourly).values(calls=99))
    (said,) = rollup.differences(central)
    assert "(99, 0) counted, (5, 0) in the rows" in said
    rollup.mark_all(central)
    rollup.follow(central)
    with central.store.writing() as connection:
        connection.execute(update(hourly).values(queue="elsewhere"))
    (said,) = rollup.differences(central)
    assert "by other sites, queues or moods" in said


def test_counting_goes_on_after_an_end_in_the_middle(
    central: Central, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended after some days of many, the next counting does the others, of calls and of cases, and
    knows every desk; what was counted is not counted again.
    """
    calls = Calls(central)
    for back in range(12):
        at = clock() - timedelta(days=20 + back)
        calls.closed(calls.unhappy(at, 3, device=f"desk{back}"), "right")
    # what came in just before a look is looked at again
    clock.move(3600)
    count = rollup._count

    def ends(connection: Connection, *rest: Any) -> None:
        count(connection, *rest)
        if connection.scalar(select(func.count(hourly.c.hour.distinct()))) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(rollup, "_count", ends)
    with pytest.raises(KeyboardInterrupt):
        keeping.count(central)
    monkeypatch.setattr(rollup, "_count", count)
    assert counted(central)[0] == 12
    assert rollup.follow(central) == 8
    keeping.count(central)
    assert keeping.differences(central) == []
    with central.store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(desk)) == 12
        assert connection.scalar(select(func.sum(daily_case.c.right_n))) == 36
