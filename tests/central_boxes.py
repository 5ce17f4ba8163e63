"""Simulated boxes' messages for central's tests, and what became of them in the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.cases import around
from sered.central.simulate import truth
from sered.contract import topics
from sered.delivery import subscription
from sered.delivery.subscription import Received

if TYPE_CHECKING:
    from central_stage import Clock
    from sered.central.context import Central
    from sered.contract.fields import Payload

DESK = truth.Desk("berlin", "desk1", "line1", "201", "")


def calls(clock: Clock, count: int, desk: truth.Desk = DESK) -> list[truth.TrueCall]:
    """The last calls of a desk, the newest just over."""
    made = _many(desk)[-count:]
    shift = clock() - timedelta(seconds=3) - made[-1].heard_until
    return [moved(call, shift) for call in made]


@cache
def _many(desk: truth.Desk) -> tuple[truth.TrueCall, ...]:
    return tuple(truth.day(desk, datetime(2026, 2, 20, tzinfo=UTC), 100))


def moved(call: truth.TrueCall, by: timedelta, **over: Any) -> truth.TrueCall:
    return replace(call, heard_from=call.heard_from + by, heard_until=call.heard_until + by, **over)


def arrived(message: Payload, leaf: str = "calls", desk: truth.Desk = DESK) -> Received:
    """As the subscription gives it."""
    body = message.model_dump_json(by_alias=True).encode()
    return raw(f"sered/{desk.site}/{desk.device}/{leaf}", body)


def raw(topic: str, body: bytes, *, retained: bool = False) -> Received:
    """Any bytes, as the subscription gives them."""
    place = topics.parse("sered", topic)
    found = subscription.found_in(place, body, retained=retained)
    return Received(topic, place, body, retained, found, 1, 1)


def unhappy(clock: Clock, **over: Any) -> truth.TrueCall:
    """One that asks for a call back."""
    return moved(calls(clock, 1)[0], timedelta(), score=-0.8, causes=("delay",), **over)


def count(central: Central, table: Any) -> int:
    with central.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def asides(central: Central) -> dict[str, int]:
    return {why: n for why, n, _ in around.quarantined(central)}
