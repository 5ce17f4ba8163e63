"""What a step on a case leaves beside it (feedback, joined cases), and how it is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from sered.central.cases.machine import OPEN, State
from sered.central.cases.rows import put
from sered.central.errors import InputError, NotNowError
from sered.central.people import Role
from sered.central.store.tables import attempt, cases, feedback, undo

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from sered.central.cases.machine import Outcome
    from sered.central.context import Central
    from sered.central.people import Actor

VERDICTS = ("right", "wrong", "unsure")
_TIMES = (
    "due_at",
    "claimed_at",
    "lease_until",
    "called_at",
    "closed_at",
    "withdrawn_at",
    "next_step_at",
)
_PLAIN = ("state", "claimed_by", "outcome", "attempts", "round", "step")


def remember(
    connection: Connection,
    central: Central,
    actor: Actor,
    row: Row[Any],
    *,
    attempt_id: int | None = None,
    said_before: dict[str, Any] | None = None,
) -> None:
    """Keep what the case was before this step; only the last step can be taken back."""
    before: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    for name in _TIMES:
        at = getattr(row, name)
        before[name] = at.isoformat() if at else None
    before["attempt_id"], before["feedback"] = attempt_id, said_before
    until = central.now() + timedelta(seconds=central.settings.cases.undo_s)
    connection.execute(delete(undo).where(undo.c.case_id == row.id))
    connection.execute(
        insert(undo).values(
            case_id=row.id, by=actor.id, until=until, version=row.version + 1, before=before
        )
    )


def take_back(connection: Connection, actor: Actor, row: Row[Any], now: datetime) -> None:
    """Put the case back as it was; raises NotNowError when that is over."""
    kept = connection.execute(select(undo).where(undo.c.case_id == row.id)).first()
    if kept is None or kept.by != actor.id or kept.until < now or kept.version != row.version:
        msg = "This can no longer be taken back: a minute has passed, or somebody went on with it."
        raise NotNowError(msg)
    before = dict(kept.before)
    attempt_id, said = before.pop("attempt_id"), before.pop("feedback")
    for name in _TIMES:
        before[name] = datetime.fromisoformat(before[name]) if before[name] else None
    if row.state == State.CLOSED:
        _reopen_joined(connection, row)
        connection.execute(delete(feedback).where(feedback.c.call_id == row.call_id))
        if said:
            said["at"] = datetime.fromisoformat(said["at"])
            connection.execute(insert(feedback).values(**said))
    if before["lease_until"] is not None:
        # the lease ran on while it was closed: give the page time to come back
        before["lease_until"] = max(before["lease_until"], now + timedelta(seconds=120))
    put(connection, row.id, row.version, before)
    if attempt_id is not None:
        connection.execute(delete(attempt).where(attempt.c.id == attempt_id))
    connection.execute(delete(undo).where(undo.c.case_id == row.id))


def can_undo(connection: Connection, actor: Actor, row: Row[Any], now: datetime) -> float:
    """Seconds for which the actor may still take the last step back; 0: not any more."""
    kept = connection.execute(select(undo).where(undo.c.case_id == row.id)).first()
    if kept is None or kept.by != actor.id or kept.version != row.version:
        return 0.0
    return max(0.0, float((kept.until - now).total_seconds()))


def feedback_of(connection: Connection, call_id: str) -> dict[str, Any] | None:
    """What was said of a call's verdict so far, as plain data."""
    row = connection.execute(select(feedback).where(feedback.c.call_id == call_id)).first()
    if row is None:
        return None
    return dict(row._mapping) | {"at": row.at.isoformat()}


def write_feedback(
    connection: Connection,
    actor: Actor,
    row: Row[Any],
    said: tuple[str, str | None],
    now: datetime,
) -> None:
    """Replace what was `said`, verdict and true cause; by role, never by person."""
    verdict, true_cause = said
    if verdict not in VERDICTS:
        msg = f"A verdict is {', '.join(VERDICTS)}; found {verdict!r}."
        raise InputError(msg)
    connection.execute(delete(feedback).where(feedback.c.call_id == row.call_id))
    values = {
        "call_id": row.call_id,
        "case_id": row.id,
        "verdict": verdict,
        "true_cause": (true_cause or "").strip()[:64] or None,
        "by_role": Role.LEAD if Role.LEAD in actor.roles else Role.AGENT,
        "at": now,
    }
    connection.execute(insert(feedback).values(**values))


def close_joined(connection: Connection, case_id: int, outcome: Outcome, now: datetime) -> None:
    """Cases of the same caller end with the one that they were joined to."""
    mine = (cases.c.joined_to == case_id) & cases.c.state.in_(OPEN)
    values = {"state": State.CLOSED, "outcome": outcome, "closed_at": now, "next_step_at": None}
    connection.execute(update(cases).where(mine).values(**values, version=cases.c.version + 1))


def _reopen_joined(connection: Connection, row: Row[Any]) -> None:
    mine = (cases.c.joined_to == row.id) & (cases.c.closed_at == row.closed_at)
    values = {"state": State.NEW, "outcome": None, "closed_at": None}
    connection.execute(update(cases).where(mine).values(**values, version=cases.c.version + 1))
