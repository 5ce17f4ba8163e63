"""What the board shows of cases: the queue, and one case whole.

Records only, within the actor's scope; never a number (that is `callers.showing`) and never a
figure about a person, a desk or a line.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.cases import actions, rows, undoing
from sered.central.cases.machine import OPEN
from sered.central.store.tables import (
    attempt,
    audit,
    call,
    call_report,
    cases,
    feedback,
    number_match,
    users,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.context import Central
    from sered.central.people import Actor

SHOWN = 200
"""Rows of the queue that a page shows; the rest are counted."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One open case in the queue."""

    id: int
    site: str
    queue: str
    line: str
    team: str
    causes: tuple[str, ...]
    score: float | None
    confidence: float | None
    state: str
    call_ended_at: datetime
    due_at: datetime
    arrived_late: bool
    claimed_by: str | None
    """Name of who has it."""
    mine: bool
    attempts: int
    withdrawn: bool
    storm: int
    """How many more cases of the same storm stand behind this one."""
    storm_of: int | None
    joined: int
    """How many more calls of the same caller are joined to it."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The most urgent open cases, and how many there are."""

    rows: tuple[QueueRow, ...]
    open: int
    late: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything about one case but the number."""

    row: QueueRow
    call_id: str
    opened_at: datetime
    claimed_at: datetime | None
    lease_until: datetime | None
    called_at: datetime | None
    closed_at: datetime | None
    withdrawn_at: datetime | None
    outcome: str | None
    started_at: datetime | None
    duration_s: float | None
    report: dict[str, Any] | None
    """The call's report as in docs/mqtt (sered.call/1); None: only its alert has arrived."""
    verdict: str | None
    true_cause: str | None
    number_known: bool
    notes: tuple[tuple[datetime, str], ...]
    attempts: tuple[tuple[datetime, str, datetime | None], ...]
    """When, how (reached, no_answer, again), and when again."""
    trail: tuple[tuple[datetime, str, str], ...]
    """When, actor, verb: every step, oldest first."""
    undo_s: float
    """Seconds for which the actor may take back the last step."""
    version: int


def queue(central: Central, actor: Actor, limit: int = SHOWN) -> Queue:
    """Open cases within the actor's scope, the most urgent first."""
    now = central.now()
    mine = rows.in_scope(actor) & cases.c.state.in_(OPEN) & cases.c.joined_to.is_(None)
    query = _rows().where(mine).order_by(cases.c.due_at, cases.c.id).limit(limit)
    late = func.count().filter(cases.c.due_at < now, cases.c.called_at.is_(None))
    totals = select(func.count(), late, func.min(cases.c.due_at)).where(mine)
    with central.store.reading() as connection:
        found = connection.execute(query).all()
        count, overdue, oldest = connection.execute(totals).one()
        storms, joined = (
            _counts(connection, "storm_of", found),
            _counts(connection, "joined_to", found),
        )
    shown = tuple(_queue_row(row, actor, storms, joined) for row in found)
    return Queue(shown, count, overdue, oldest)


def case(central: Central, actor: Actor, case_id: int) -> CaseView:
    """One case; raises NotFoundError outside the actor's scope."""
    now = central.now()
    with central.store.reading() as connection:
        rows.load(connection, actor, case_id)
        row = connection.execute(_rows().where(cases.c.id == case_id)).one()
        storms, joined = (
            _counts(connection, "storm_of", [row]),
            _counts(connection, "joined_to", [row]),
        )
        report = connection.scalar(
            select(call_report.c.z).where(call_report.c.call_id == row.call_id)
        )
        heard = connection.execute(select(call).where(call.c.call_id == row.call_id)).first()
        said = connection.execute(select(feedback).where(feedback.c.call_id == row.call_id)).first()
        return CaseView(
            row=_queue_row(row, actor, storms, joined),
            call_id=row.call_id,
            opened_at=row.opened_at,
            claimed_at=row.claimed_at,
            lease_until=row.lease_until,
            called_at=row.called_at,
            closed_at=row.closed_at,
            withdrawn_at=row.withdrawn_at,
            outcome=row.outcome,
            started_at=heard.started_at if heard else None,
            duration_s=heard.duration_s if heard else None,
            report=json.loads(zlib.decompress(report)) if report else None,
            verdict=said.verdict if said else None,
            true_cause=said.true_cause if said else None,
            number_known=_number_known(connection, row.call_id),
            notes=tuple(actions.notes(central, connection, case_id)) if actor.works else (),
            attempts=_attempts(connection, case_id),
            trail=_trail(connection, case_id),
            undo_s=undoing.can_undo(connection, actor, row, now),
            version=row.version,
        )


def joined_cases(central: Central, actor: Actor, case_id: int) -> tuple[QueueRow, ...]:
    """Cases of the same caller, and of the same storm, that stand behind this one."""
    behind = (cases.c.joined_to == case_id) | (cases.c.storm_of == case_id)
    query = _rows().where(rows.in_scope(actor), behind, cases.c.state.in_(OPEN))
    with central.store.reading() as connection:
        found = connection.execute(query.order_by(cases.c.due_at).limit(SHOWN)).all()
    return tuple(_queue_row(row, actor, {}, {}) for row in found)


def _rows() -> Any:
    return select(cases, users.c.name.label("claimer")).select_from(
        cases.outerjoin(users, users.c.id == cases.c.claimed_by)
    )


def _queue_row(
    row: Row[Any], actor: Actor, storms: dict[int, int], joined: dict[int, int]
) -> QueueRow:
    return QueueRow(
        id=row.id,
        site=row.site,
        queue=row.queue,
        line=row.line,
        team=row.team,
        causes=tuple(row.causes),
        score=row.score,
        confidence=row.confidence,
        state=row.state,
        call_ended_at=row.call_ended_at,
        due_at=row.due_at,
        arrived_late=row.arrived_late,
        claimed_by=row.claimer,
        mine=row.claimed_by == actor.id,
        attempts=row.attempts,
        withdrawn=row.withdrawn_at is not None,
        storm=storms.get(row.id, 0),
        storm_of=row.storm_of,
        joined=joined.get(row.id, 0),
    )


def _counts(connection: Connection, column: str, found: Any) -> dict[int, int]:
    """How many open cases name each of these in `column`."""
    of = cases.c[column]
    ids = [row.id for row in found]
    query = select(of, func.count()).where(of.in_(ids), cases.c.state.in_(OPEN)).group_by(of)
    return {int(head): int(n) for head, n in connection.execute(query)} if ids else {}


def _number_known(connection: Connection, call_id: str) -> bool:
    query = select(number_match.c.how).where(number_match.c.call_id == call_id)
    return connection.execute(query).first() is not None


def _attempts(
    connection: Connection, case_id: int
) -> tuple[tuple[datetime, str, datetime | None], ...]:
    query = select(attempt).where(attempt.c.case_id == case_id).order_by(attempt.c.id)
    return tuple((row.at, row.kind, row.again_at) for row in connection.execute(query))


def _trail(connection: Connection, case_id: int) -> tuple[tuple[datetime, str, str], ...]:
    query = select(audit).where(audit.c.object_id == f"case:{case_id}").order_by(audit.c.seq)
    return tuple((row.at, row.actor, row.verb) for row in connection.execute(query))
