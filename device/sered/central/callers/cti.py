"""Telephony events pushed by an exchange: newCall, answer, hangup, as help desks take them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from sered.central.callers import storing
from sered.central.callers.records import Leg
from sered.central.errors import InputError
from sered.central.store.tables import pbx_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sered.central.context import Central

EVENTS = ("newCall", "answer", "hangup")


def take(central: Central, said: Mapping[str, str]) -> None:
    """One event: `event`, `callId`, and for newCall `from`, `to`, `direction` (in, out).

    `user` or `answeringNumber` name the extension where `to` is a queue; `at` (ISO 8601) is when,
    else now. Raises InputError with what was wanted; an event of an unknown call is passed over.
    """
    event, call_id = said.get("event", ""), said.get("callId", "")
    if event not in EVENTS or not 0 < len(call_id) <= 120:
        msg = f"Wanted event ({', '.join(EVENTS)}) and callId."
        raise InputError(msg)
    at = _at(said.get("at", ""), central.now())
    with central.store.writing() as connection:
        if event == "newCall":
            _begin(connection, central, said, at)
            return
        mine = pbx_call.c.pbx_id == f"cti:{call_id}"
        row = connection.execute(select(pbx_call).where(mine)).first()
        if event == "answer":
            if row is None:
                _begin(connection, central, said, at)
            connection.execute(update(pbx_call).where(mine).values(answered=at))
        elif row is not None:
            values = {"ended": at, "received_at": central.now()}
            connection.execute(update(pbx_call).where(mine).values(**values))


def _begin(connection: Connection, central: Central, said: Mapping[str, str], at: datetime) -> None:
    if not said.get("from") or not said.get("to"):
        msg = "Wanted from and to: who called whom."
        raise InputError(msg)
    desks = tuple(filter(None, (said.get("user"), said.get("answeringNumber"))))
    out = said.get("direction") == "out"
    leg = Leg(
        id=f"cti:{said['callId']}",
        source="cti",
        callers=(*desks, said["from"]) if out else (said["from"],),
        called=(said["to"],) if out else (*desks, said["to"]),
        started=at,
        answered=None,
        ended=None,
    )
    storing.put(connection, central, [leg], storing.extensions(connection))


def _at(text: str, now: datetime) -> datetime:
    if not text:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"Wanted at as ISO 8601 with its zone, found {text[:40]!r}."
        raise InputError(msg) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
