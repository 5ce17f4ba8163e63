"""Two ingesters that are given the same calls, in PostgreSQL: they wait, and never for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, text

from broker import wait_until
from central_boxes import arrived, calls, count
from sered.central.errors import StoreError
from sered.central.ingest import sifting
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import tables

if TYPE_CHECKING:
    from central_stage import Clock
    from sered.central.context import Central
    from sered.contract.messages import CallReport

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def _row(central: Central, report: CallReport, clock: Clock) -> dict[str, object]:
    return sifting.call_row(report, "", clock(), central.settings.cases.late_after_s)


def _somebody_waits(central: Central) -> bool:
    with central.store.reading() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_calls_are_stored_in_one_order_whatever_order_they_came_in(
    central: Central, clock: Clock
) -> None:
    """Who waits for another one's first call holds none of the later ones."""
    first, last = sorted((messages.report(one) for one in calls(clock, 2)), key=lambda r: r.call_id)
    batch = [arrived(last), arrived(first)]
    taker = threading.Thread(target=Intake(central).take, args=(batch,))
    with central.store.writing() as ours:
        ours.execute(insert(tables.call).values(**_row(central, first, clock)))
        taker.start()
        wait_until(lambda: _somebody_waits(central), 60.0, "the other one to wait")
        ours.execute(text("SET LOCAL lock_timeout = '5s'"))
        ours.execute(insert(tables.call).values(**_row(central, last, clock)))
    taker.join(60.0)
    assert count(central, tables.call) == 2


def test_a_deadlock_is_called_by_its_name(central: Central, clock: Clock) -> None:
    """Two writers that block each other: one goes on, the other one's sentence says what it was."""
    first, last = (messages.report(one) for one in calls(clock, 2))
    said: list[StoreError] = []

    def other() -> None:
        try:
            with central.store.writing() as theirs:
                theirs.execute(insert(tables.call).values(**_row(central, last, clock)))
                theirs.execute(insert(tables.call).values(**_row(central, first, clock)))
        except StoreError as error:
            said.append(error)

    with central.store.writing() as ours:
        ours.execute(insert(tables.call).values(**_row(central, first, clock)))
        writer = threading.Thread(target=other)
        writer.start()
        wait_until(lambda: _somebody_waits(central), 60.0, "the other one to wait")
        # its patience ends first: a server looks for deadlocks after this time
        ours.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        ours.execute(insert(tables.call).values(**_row(central, last, clock)))
    writer.join(60.0)
    assert [error.reason for error in said] == ["busy"]
    assert "gave this up for another one" in str(said[0])
