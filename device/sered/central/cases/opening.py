"""Cases begin and end by what boxes say: opened once a call, withdrawn, grouped in storms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central import audit
from sered.central.cases import holdout, machine, routing, rows, telling
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
    storms = _Storms(connection, settings, found.values())
    calm: list[dict[str, Any]] = []
    grouped: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    for negative in found.values():
        row = _row(settings, negative)
        if row["arm"] == holdout.HOLD:
            held.append(row | {"state": State.HELD, "next_step_at": None})
        else:
            (grouped if storms.count(row) else calm).append(row)
    upsert.insert_if_new(connection, cases, held)
    opened = _insert(connection, settings, calm)
    # what heads a storm may have come in just now
    heads = storms.heads(connection) if grouped else {}
    return opened + _insert(
        connection,
        settings,
        [row | {"storm_of": heads[row["site"], row["team"]]} for row in grouped],
    )


def _insert(
    connection: Connection, settings: CentralSettings, new: list[dict[str, Any]]
) -> list[int]:
    if not new:
        return []
    opened = sorted(int(found) for found in upsert.insert_new(connection, cases, new, "id"))
    words = [f"case:{found}" for found in opened]
    now = new[0]["opened_at"]
    audit.write_all(connection, now, BOX, "case.opened", words)
    telling.tell(connection, settings, [(case, 1, telling.OPENED) for case in opened], now)
    return opened


def correct(
    connection: Connection, settings: CentralSettings, reports: Iterable[Negative]
) -> list[int]:
    """What the report of a whole call says of cases that its alert opened; ids of those changed.

    An alert speaks of the call so far. Who is at work on a case keeps its team and deadline.
    """
    said = {report.call_id: report for report in reports}
    changed = []
    query = select(cases).where(cases.c.call_id.in_(list(said)), cases.c.closed_at.is_(None))
    for row in connection.execute(query).all():
        whole = _row(settings, said[row.call_id])
        names = ["score", "confidence", "causes", "call_ended_at", "queue", "arrived_late"]
        names += ["team", "due_at"] if row.state == State.NEW else []
        if row.state == State.HELD and whole["arm"] != holdout.HOLD:
            # the whole call was worse than its alert: nobody is held out who should be called
            names += ["arm", "state", "due_at", "next_step_at"]
        fresh = {name: whole[name] for name in names if whole[name] != getattr(row, name)}
        if fresh:
            rows.put(connection, row.id, row.version, fresh)
            changed.append(int(row.id))
    now = next((report.received_at for report in said.values()), None)
    if now is not None:
        words = [f"case:{found}" for found in changed]
        audit.write_all(connection, now, BOX, "case.corrected", words)
    return changed


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


def _row(settings: CentralSettings, call: Negative) -> dict[str, Any]:
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
        "arm": holdout.arm(settings.holdout, call.call_id, call.score, now),
    }


class _Storms:
    """How many cases of a site and team came lately: more than `[cases] storm_after` are one."""

    def __init__(
        self, connection: Connection, settings: CentralSettings, calls: Iterable[Negative]
    ) -> None:
        found = list(calls)
        self._after = settings.cases.storm_after
        since = found[0].received_at - timedelta(seconds=settings.cases.storm_s)
        sites = sorted({call.site for call in found})
        self._recent = cases.c.site.in_(sites) & (cases.c.opened_at >= since)
        place = (cases.c.site, cases.c.team)
        query = select(*place, func.count().label("n")).where(self._recent).group_by(*place)
        self._counts = {(row.site, row.team): int(row.n) for row in connection.execute(query)}

    def count(self, row: dict[str, Any]) -> bool:
        """One more; whether it belongs to a storm."""
        key = row["site"], row["team"]
        before = self._counts.get(key, 0)
        self._counts[key] = before + 1
        return before >= self._after

    def heads(self, connection: Connection) -> dict[tuple[str, str], int]:
        """The case that heads the storm of each site and team."""
        place = (cases.c.site, cases.c.team)
        first, head = func.min(cases.c.id).label("first"), func.max(cases.c.storm_of).label("head")
        query = select(*place, first, head).where(self._recent).group_by(*place)
        return {(r.site, r.team): int(r.head or r.first) for r in connection.execute(query)}


def expire_old(connection: Connection, settings: CentralSettings, now: datetime) -> list[int]:
    """Give up what nobody worked on for `[cases] expire_after_h`; ids of those."""
    before = now - timedelta(hours=settings.cases.expire_after_h)
    old = cases.c.state.in_(OPEN) & (cases.c.due_at < before) & (cases.c.opened_at < before)
    given_up = []
    query = select(cases).where(old).limit(200)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    for row in connection.execute(query).all():
        case = rows.as_case(row)
        after = machine.expire(case, now)
        if after != case:
            rows.save(connection, settings, row, after, now)
            audit.write(connection, now, "clock", "case.expired", f"case:{row.id}")
            given_up.append(int(row.id))
    return given_up
