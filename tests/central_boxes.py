"""Simulated boxes' messages for central's tests, and what became of them in the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.cases import around
from sered.central.ingest.sifting import Arrived
from sered.central.simulate import truth

if TYPE_CHECKING:
    from central_stage import Clock
    from sered.central.context import Central
    from sered.contract.fields import Payload

DESK = truth.Desk("berlin", "desk1", "line1", "201", "")


def calls(clock: Clock, count: int, desk: truth.Desk = DESK) -> list[truth.TrueCall]:
    """The last calls of a desk, the newest just over."""
    begin = clock() - timedelta(hours=200)
    made = list(truth.day(desk, begin, 200))[-count:]
    shift = clock() - timedelta(seconds=3) - made[-1].heard_until
    return [moved(call, shift) for call in made]


def moved(call: truth.TrueCall, by: timedelta, **over: Any) -> truth.TrueCall:
    return replace(call, heard_from=call.heard_from + by, heard_until=call.heard_until + by, **over)


def arrived(message: Payload, leaf: str = "calls", desk: truth.Desk = DESK) -> Arrived:
    """As the broker hands it on."""
    body = message.model_dump_json(by_alias=True).encode()
    return Arrived(f"sered/{desk.site}/{desk.device}/{leaf}", body, retained=False)


def unhappy(clock: Clock, **over: Any) -> truth.TrueCall:
    """One that asks for a call back."""
    return moved(calls(clock, 1)[0], timedelta(), score=-0.8, causes=("delay",), **over)


def count(central: Central, table: Any) -> int:
    with central.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def asides(central: Central) -> dict[str, int]:
    return {why: n for why, n, _ in around.quarantined(central)}
