"""Cases in the store: read one within somebody's scope, and write it back by compare-and-set."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select, true, update

from sered.central.cases import routing, telling
from sered.central.cases.machine import OPEN, Case, Outcome, State
from sered.central.errors import NotFoundError, NotNowError
from sered.central.store.tables import cases

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.people import Actor
    from sered.central.settings import CentralSettings

_FIELDS = tuple(field.name for field in fields(Case))


def in_scope(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a query to what the person may see."""
    return true() if actor.sees_all else cases.c.team.in_(sorted(actor.teams))


def load(connection: Connection, actor: Actor | None, case_id: int) -> Row[Any]:
    """The case's row; `actor` None: no scope. Raises NotFoundError, also for others' teams."""
    query = select(cases).where(cases.c.id == case_id)
    if actor is not None:
        query = query.where(in_scope(actor))
    row = connection.execute(query).first()
    if row is None:
        msg = "There is no such case, or it belongs to another team."
        raise NotFoundError(msg)
    return row


def as_case(row: Row[Any]) -> Case:
    """What the state machine needs of a row."""
    values = {name: getattr(row, name) for name in _FIELDS}
    values["state"] = State(values["state"])
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    return Case(**values)


def save(
    connection: Connection, settings: CentralSettings, row: Row[Any], after: Case, now: datetime
) -> None:
    """Write the case as it is now; raises NotNowError where somebody else was faster.

    The steps of escalation follow: they begin anew with a new round, and end when the customer
    was reached or the case is over.
    """
    values = asdict(after)
    if after.round != row.round:
        start = max(now, after.due_at) if after.due_at != row.due_at else now
        team = settings.team_of(row.team)
        values["step"] = 0
        values["next_step_at"] = routing.step_due(settings, team, row.site, start, 0)
    elif after.state not in OPEN or after.called_at is not None:
        values["next_step_at"] = None
    put(connection, row.id, row.version, values)
    if after.state != row.state:
        telling.tell(connection, settings, [(row.id, row.version + 1, after.state)], now)


def put(connection: Connection, case_id: int, version: int, values: dict[str, Any]) -> None:
    """Compare-and-set on `version`; raises NotNowError where it is another one by now."""
    same = (cases.c.id == case_id) & (cases.c.version == version)
    done = connection.execute(update(cases).where(same).values(**values, version=version + 1))
    if done.rowcount != 1:
        msg = "Somebody else has just changed this one. Look at it again."
        raise NotNowError(msg)
