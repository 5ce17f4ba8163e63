"""The clock: fires due steps of escalation, frees claims whose page has gone, gives up old cases.

Due times are rows, never timers in memory: a central that was killed and starts again fires what
fell due meanwhile, each step once. A step and its notification are one transaction; several clocks
on one PostgreSQL share the work (`FOR UPDATE SKIP LOCKED`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central import audit
from sered.central.cases import machine, opening, routing, rows
from sered.central.cases.machine import HELD, State
from sered.central.errors import StoreError
from sered.central.store import upsert
from sered.central.store.tables import cases, outbox, step_fired

if TYPE_CHECKING:
    import threading
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.context import Central
    from sered.central.sections import StepSettings

LONGEST_WAIT_S = 5.0
"""Between two looks: another process may have opened a case."""
_AT_ONCE = 100
_log = logging.getLogger(__name__)


def tick(central: Central) -> int:
    """Do what is due; how many rows that were. Raises StoreError."""
    now = central.now()
    fired = _fire_due(central, now)
    with central.store.writing() as connection:
        freed = _free_abandoned(connection, central, now)
        given_up = opening.expire_old(connection, central.settings, now)
    if fired:
        central.outbox_bell.ring()
    if changed := len(fired) + freed + len(given_up):
        central.cases_bell.ring()
        return changed
    return 0


def next_due(central: Central) -> datetime | None:
    """When the earliest step or lease is due. Raises StoreError."""
    with central.store.reading() as connection:
        step = connection.scalar(select(func.min(cases.c.next_step_at)))
        lease = connection.scalar(select(func.min(cases.c.lease_until)))
    return min((at for at in (step, lease) if at is not None), default=None)


def run(central: Central, stop: threading.Event) -> None:
    """Tick until `stop`; a store that is away is waited for."""
    while not stop.is_set():
        heard = central.cases_bell.count
        wait_s = LONGEST_WAIT_S
        try:
            while tick(central) >= _AT_ONCE and not stop.is_set():
                pass
            due = next_due(central)
        except StoreError as error:
            _log.warning("clock.waits reason=%s", error.reason)
            stop.wait(1.0)
            continue
        if due is not None:
            wait_s = min(wait_s, max(0.0, (due - central.now()).total_seconds()))
        central.cases_bell.wait(heard, wait_s)


def _fire_due(central: Central, now: datetime) -> list[int]:
    with central.store.writing() as connection:
        query = select(cases).where(cases.c.next_step_at <= now).order_by(cases.c.next_step_at)
        query = query.limit(_AT_ONCE)
        if central.store.dialect == "postgresql":
            query = query.with_for_update(skip_locked=True)
        due = connection.execute(query).all()
        for row in due:
            _fire(connection, central, row, now)
    return [int(row.id) for row in due]


def _fire(connection: Connection, central: Central, row: Row[Any], now: datetime) -> None:
    settings = central.settings
    team = settings.team_of(row.team)
    following = None
    if row.step < len(team.step):
        step = team.step[row.step]
        fired = {
            "case_id": row.id, "round": row.round, "step": row.step,
            "at": now, "due": row.next_step_at,
        }  # fmt: skip
        if _needed(step, row):
            upsert.insert_if_new(connection, step_fired, [fired])
            _post(connection, central, row, step, now)
            audit.write(connection, now, "clock", f"step.{row.step + 1}", f"case:{row.id}")
        following = _following(central, row, step)
    values = {"step": row.step + 1, "next_step_at": following}
    rows.put(connection, row.id, row.version, values)


def _needed(step: StepSettings, row: Row[Any]) -> bool:
    if row.joined_to is not None or row.called_at is not None:
        return False
    return row.state == State.NEW or (row.state in HELD and step.unless == "called")


def _following(central: Central, row: Row[Any], step: StepSettings) -> datetime | None:
    """When the step after this one is due: its distance in open hours from this one's time."""
    team = central.settings.team_of(row.team)
    if row.step + 1 >= len(team.step):
        return None
    gap_s = team.step[row.step + 1].after_s - step.after_s
    return routing.open_after(central.settings, team, row.site, row.next_step_at, gap_s)


def _post(
    connection: Connection, central: Central, row: Row[Any], step: StepSettings, now: datetime
) -> None:
    key = f"case:{row.id}:{row.round}:{row.step}:{step.channel}"
    if row.storm_of is not None:
        # one notification a storm, step and span of time; it says how many more there are
        span = int(now.timestamp() // central.settings.cases.storm_s)
        key = f"storm:{row.storm_of}:{span}:{row.step}:{step.channel}"
    message = {
        "case_id": row.id, "step": row.step, "channel": step.channel,
        "dedupe": key, "created": now, "due": now,
    }  # fmt: skip
    upsert.insert_if_new(connection, outbox, [message])


def _free_abandoned(connection: Connection, central: Central, now: datetime) -> int:
    query = select(cases).where(cases.c.lease_until <= now).limit(_AT_ONCE)
    if central.store.dialect == "postgresql":
        query = query.with_for_update(skip_locked=True)
    freed = 0
    for row in connection.execute(query).all():
        before = rows.as_case(row)
        after = machine.run_out(before, now)
        if after != before:
            rows.save(connection, central.settings, row, after, now)
            audit.write(connection, now, "clock", "case.lease_over", f"case:{row.id}")
            freed += 1
    return freed
