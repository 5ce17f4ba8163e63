"""What is kept how long, and what a customer may ask for."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select

from central_stage import actor
from insight_stage import Calls
from sered.central import audit, retention, rights
from sered.central.cases import actions
from sered.central.errors import InputError
from sered.central.insight import keeping, rollup
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central

NUMBER = "+49 30 1234567"


def count(central: Central, name: str) -> int:
    """Rows of a table."""
    table = tables.metadata.tables[name]
    with central.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def with_a_customer(central: Central, clock: Clock) -> str:
    """A closed case of a customer whose number is known, with a note; the call's id."""
    calls = Calls(central)
    (key,) = calls.unhappy(clock() - timedelta(days=1), causes=("delay",))
    calls.closed([key], "right")
    mark = central.vault.mark("+49301234567")
    with central.store.writing() as connection:
        case_id = connection.scalar(select(tables.cases.c.id))
        connection.execute(tables.cases.update().values(caller_hmac=mark))
        connection.execute(insert(tables.pbx_call).values(
            pbx_id="p1", extension="201", direction="in", number_hmac=mark,
            number_enc=central.vault.seal("+49301234567", "pbx:p1"), source="csv",
            started=clock(), received_at=clock(),
        ))  # fmt: skip
        connection.execute(insert(tables.number_match).values(
            call_id=key, pbx_id="p1", how="auto", at=clock()))  # fmt: skip
        packed = zlib.compress(b'{"verbal": {"terms": [{"text": "money back"}]}}')
        connection.execute(insert(tables.call_report).values(call_id=key, z=packed))
    assert case_id is not None
    actions.add_note(central, actor(central, "lea", *()), case_id, "asked for Mr. Smith")
    return key


def test_numbers_go_before_scores_before_counts(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """After each span its kind is gone and the rest is there; a site may have spans of its own."""
    central = make_central(
        site=[{"id": "berlin"}, {"id": "hamburg", "scores_days": 2000, "figures_days": 3000}],
        retention={"scores_days": 100, "figures_days": 500},
    )
    Calls(central).add(clock(), 3, site="hamburg", device="h1", line="h")
    with central.store.writing() as connection:
        connection.execute(tables.call.delete().where(tables.call.c.call_id.endswith("7a121")))
    with_a_customer(central, clock)
    keeping.count(central)
    clock.move(40 * 86_400)
    assert retention.forget(central)["calls"] == 0
    assert (count(central, "pbx_call"), count(central, "number_match")) == (0, 0)
    assert count(central, "call") == 3
    clock.move(90 * 86_400)
    assert retention.forget(central)["calls"] == 1
    for name in ("cases", "note", "feedback", "call_report", "call_cause"):
        assert count(central, name) == 0, name
    assert count(central, "call") == 2
    keeping.count(central)
    assert count(central, "hourly") == 2
    assert rollup.differences(central) == []
    clock.move(500 * 86_400)
    retention.forget(central)
    assert count(central, "hourly") == 1
    with central.store.reading() as connection:
        assert list(audit.faults(connection)) == []


def test_an_open_case_keeps_its_number(central: Central, clock: Clock) -> None:
    """What somebody still has to call about is not forgotten."""
    with_a_customer(central, clock)
    with central.store.writing() as connection:
        connection.execute(tables.cases.update().values(state="claimed"))
    clock.move(500 * 86_400)
    retention.forget(central)
    assert count(central, "number_match") == 1
    assert count(central, "cases") == 1


def test_an_order_that_keeps_numbers_longest_is_refused(
    make_central: Callable[..., Central],
) -> None:
    """Numbers after scores, or scores after counts, is a fault with a sentence, at a site too."""
    with pytest.raises(ValueError, match=r"\[retention\]: numbers must go before scores"):
        make_central(retention={"scores_days": 5})
    with pytest.raises(ValueError, match=r"\[\[site\]\] berlin"):
        make_central(site=[{"id": "berlin", "numbers_days": 900}])


def test_everything_is_told_and_erased_with_proof(central: Central, clock: Clock) -> None:
    """Access tells record, verdict, outcome and note; after erasure nothing leads to the number,
    the trail says so without it, and verifies.
    """
    key = with_a_customer(central, clock)
    told = rights.access(central, NUMBER)
    assert len(told["telephone_records"]) == 1
    (known,) = told["calls"]
    assert known["category"] == "negative"
    assert known["verdict_was"] == "right"
    assert known["words_that_counted"] == ["money back"]
    assert known["case"]["notes"][0]["text"] == "asked for Mr. Smith"
    proof = rights.erase(central, NUMBER)
    assert proof.left == 0
    assert proof.deleted == {"notes": 1, "reports": 1, "matches": 1, "records": 1, "marks": 1}
    assert rights.access(central, NUMBER)["calls"] == []
    with central.store.reading() as connection:
        rows = connection.execute(select(tables.audit)).all()
        assert list(audit.faults(connection)) == []
    assert "number.erased" in {row.verb for row in rows}
    assert not any("301234567" in str(tuple(row)) for row in rows)
    assert key
    with pytest.raises(InputError, match="Wanted a telephone number"):
        rights.erase(central, "anonymous")
