"""Cases begin and end by what boxes say: opened once a call, withdrawn, grouped in storms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central import audit
from sered.central.cases import machine, routing, rows
from sered.central.cases.machine import OPEN, State
from sered.central.store import upsert
from sered.central.store.tables import alert, cases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sered.central.settings import CentralSettings

BOX = "box"
"""Actor of what boxes bring about."""


@dataclass(frozen=True, slots=True)
class Negative:
    """A call that somebody should call back about."""

    call_id: str
    site: str
    device: str
    line: str
    queue: str
    causes: tuple[str, ...]
    score: float | None
    confidence: float | None
    ended_at: datetime
    """By central's clock where the box's own is in doubt."""
    received_at: datetime


def open_cases(
    connection: Connection, settings: CentralSettings, negatives: Iterable[Negative]
) -> list[int]:
    """Open a case for each call that has none and was not withdrawn; ids of the new ones."""
    found = {negative.call_id: negative for negative in negatives}
    if not found:
        return []
    query = select(alert.c.call_id).where(
        alert.c.call_id.in_(list(found)), alert.c.state == "withdrawn"
    )
    for call_id in connection.scalars(query):
        found.pop(call_id)
    opened = []
    for negative in found.values():
        row = _row(connection, settings, negative)
        new = upsert.insert_new(connection, cases, [row], "id")
        for case_id in new:
            audit.write(connection, negative.received_at, BOX, "case.opened", f"case:{case_id}")
            opened.append(int(case_id))
    return opened


def withdraw(
    connection: Connection, settings: CentralSettings, call_ids: Iterable[str], now: datetime
) -> list[int]:
    """The box took these alerts back; ids of the cases that changed."""
    query = select(cases).where(cases.c.call_id.in_(list(call_ids)))
    changed = []
    for row in connection.execute(query).all():
        before = rows.as_case(row)
        after = machine.withdraw(before, now)
        if after != before:
            rows.save(connection, settings, row, after, now)
            audit.write(connection, now, BOX, "case.withdrawn", f"case:{row.id}")
            changed.append(int(row.id))
    return changed


def _row(connection: Connection, settings: CentralSettings, call: Negative) -> dict[str, Any]:
    team = routing.team_for(settings, call.causes, call.site, call.queue)
    age_s = routing.call_age(call.ended_at, call.received_at).total_seconds()
    # nobody is woken for yesterday: the case waits in the queue, marked, and climbs no steps
    stale = age_s > settings.cases.stale_after_s
    now = call.received_at
    step = None if stale else routing.step_due(settings, team, call.site, now, 0)
    return {
        "call_id": call.call_id,
        "site": call.site,
        "device": call.device,
        "line": call.line,
        "queue": call.queue,
        "team": team.name,
        "causes": list(call.causes),
        "score": call.score,
        "confidence": call.confidence,
        "call_ended_at": call.ended_at,
        "arrived_late": age_s > settings.cases.late_after_s,
        "state": State.NEW,
        "opened_at": now,
        "due_at": routing.due_at(settings, team, call.site, call.ended_at),
        "next_step_at": step,
        "storm_of": _storm(connection, settings, team.name, call.site, now),
    }


def _storm(
    connection: Connection, settings: CentralSettings, team: str, site: str, now: datetime
) -> int | None:
    """The case that heads the storm of this site and team; None: it is calm."""
    since = now - timedelta(seconds=settings.cases.storm_s)
    recent = (cases.c.site == site) & (cases.c.team == team) & (cases.c.opened_at >= since)
    query = select(func.count(), func.min(cases.c.id), func.max(cases.c.storm_of)).where(recent)
    count, first, head = connection.execute(query).one()
    if count < settings.cases.storm_after:
        return None
    return int(head or first)


def expire_old(connection: Connection, settings: CentralSettings, now: datetime) -> list[int]:
    """Give up what nobody worked on for `[cases] expire_after_h`; ids of those."""
    before = now - timedelta(hours=settings.cases.expire_after_h)
    old = cases.c.state.in_(OPEN) & (cases.c.due_at < before) & (cases.c.opened_at < before)
    given_up = []
    for row in connection.execute(select(cases).where(old).limit(200)).all():
        case = rows.as_case(row)
        after = machine.expire(case, now)
        if after != case:
            rows.save(connection, settings, row, after, now)
            audit.write(connection, now, "clock", "case.expired", f"case:{row.id}")
            given_up.append(int(row.id))
    return given_up
