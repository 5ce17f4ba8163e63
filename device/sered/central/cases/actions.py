"""What people do with cases: claim, hand over, call, close, judge the verdict, undo.

Every function takes the `Central` and the `Actor`, is one transaction with its audit row, rings
`central.cases_bell` after COMMIT, and raises NotNowError, NotAllowedError, NotFoundError or
InputError: each is a calm sentence to be shown as it is. Compare-and-set makes one winner of two
who click at once; the other gets "Somebody else has just taken this one."
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from sered.central import audit
from sered.central.cases import machine, rows, undoing
from sered.central.errors import InputError, NotNowError
from sered.central.people import Role, actor_of
from sered.central.store.tables import attempt, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.cases.machine import Case, Outcome, Reached
    from sered.central.context import Central
    from sered.central.people import Actor

LONGEST_NOTE = 4000
"""Characters."""


def claim(central: Central, actor: Actor, case_id: int) -> None:
    """Take a case; taking it again renews the lease."""
    now, lease = central.now(), central.settings.cases.lease_s
    _move(central, actor, case_id, "case.claimed", lambda c: machine.claim(c, actor.id, now, lease))


def renew(central: Central, actor: Actor, case_id: int) -> None:
    """The page is still open: `lease_s` more. To be called every third of it; not audited."""
    now, lease = central.now(), central.settings.cases.lease_s
    _move(central, actor, case_id, "", lambda c: machine.renew(c, actor.id, now, lease))


def release(central: Central, actor: Actor, case_id: int) -> None:
    """Back into the queue."""
    _move(central, actor, case_id, "case.released", lambda c: machine.release(c, actor.id))


def hand_over(central: Central, actor: Actor, case_id: int, to_login: str) -> None:
    """Give it to somebody who may have it; leads may give away what others hold."""
    now, lease = central.now(), central.settings.cases.lease_s
    lead = Role.LEAD in actor.roles

    def change(connection: Connection, row: Row[Any], case: Case) -> Case:
        to = actor_of(connection, to_login)
        if to is None or not to.works or row.team not in to.teams:
            msg = f"{to_login} is nobody who can take a case of {row.team}."
            raise InputError(msg)
        return machine.hand_over(case, actor.id, to.id, now, lease, lead=lead)

    _moved(central, actor, case_id, "case.handed_over", change)


def attempted(central: Central, actor: Actor, case_id: int, how: Reached) -> None:
    """A call was made: the customer was reached, or did not answer. Can be undone."""
    now = central.now()

    def change(connection: Connection, row: Row[Any], case: Case) -> Case:
        after = machine.attempt(case, actor.id, how, now)
        made = _note_attempt(connection, row.id, actor, how, (now, None))
        undoing.remember(connection, central, actor, row, attempt_id=made)
        return after

    _moved(central, actor, case_id, f"call.{how}", change)


def try_again(central: Central, actor: Actor, case_id: int, at: datetime) -> None:
    """Back into the queue, due at `at` (with its zone). Can be undone."""
    now = central.now()

    def change(connection: Connection, row: Row[Any], case: Case) -> Case:
        after = machine.try_again(case, actor.id, at, now)
        made = _note_attempt(connection, row.id, actor, "again", (now, at))
        undoing.remember(connection, central, actor, row, attempt_id=made)
        return replace(after, attempts=case.attempts + 1)

    _moved(central, actor, case_id, "call.again", change)


def close(
    central: Central,
    actor: Actor,
    case_id: int,
    outcome: Outcome,
    *,
    verdict: str | None = None,
    true_cause: str | None = None,
    text: str = "",
) -> None:
    """Done; `verdict` is right, wrong or unsure. Joined cases close with it. Can be undone."""
    now = central.now()

    def change(connection: Connection, row: Row[Any], case: Case) -> Case:
        after = machine.close(case, actor.id, outcome, now)
        before = undoing.feedback_of(connection, row.call_id)
        undoing.remember(connection, central, actor, row, said_before=before)
        if verdict is not None:
            undoing.write_feedback(connection, actor, row, (verdict, true_cause), now)
        if text.strip():
            _write_note(connection, central, actor, row.id, text)
        undoing.close_joined(connection, row.id, outcome, now)
        return after

    _moved(central, actor, case_id, "case.closed", change)


def judge(
    central: Central, actor: Actor, case_id: int, verdict: str, *, true_cause: str | None = None
) -> None:
    """Say whether the box's verdict was right; the last word counts."""
    now = central.now()
    with central.store.writing() as connection:
        actor.need(Role.AGENT, Role.LEAD)
        row = rows.load(connection, actor, case_id)
        if row.claimed_by != actor.id and Role.LEAD not in actor.roles:
            msg = "Who calls the customer says whether the verdict was right: claim it first."
            raise NotNowError(msg)
        undoing.write_feedback(connection, actor, row, (verdict, true_cause), now)
        audit.write(connection, now, f"user:{actor.id}", "verdict.judged", f"case:{case_id}")
    central.cases_bell.ring()


def add_note(central: Central, actor: Actor, case_id: int, text: str) -> None:
    """A note for colleagues; it is stored sealed and never leaves central."""
    now = central.now()
    with central.store.writing() as connection:
        actor.need(Role.AGENT, Role.LEAD)
        rows.load(connection, actor, case_id)
        _write_note(connection, central, actor, case_id, text)
        audit.write(connection, now, f"user:{actor.id}", "note.added", f"case:{case_id}")
    central.cases_bell.ring()


def undo(central: Central, actor: Actor, case_id: int) -> None:
    """Take back the actor's own last step on the case, within `[cases] undo_s`."""
    now = central.now()
    with central.store.writing() as connection:
        row = rows.load(connection, actor, case_id)
        undoing.take_back(connection, actor, row, now)
        audit.write(connection, now, f"user:{actor.id}", "case.undone", f"case:{case_id}")
    central.cases_bell.ring()


def _move(
    central: Central, actor: Actor, case_id: int, verb: str, change: Callable[[Case], Case]
) -> None:
    _moved(central, actor, case_id, verb, lambda _connection, _row, case: change(case))


def _moved(
    central: Central,
    actor: Actor,
    case_id: int,
    verb: str,
    change: Callable[[Connection, Row[Any], Case], Case],
) -> None:
    """One change of state in one transaction."""
    actor.need(Role.AGENT, Role.LEAD)
    now = central.now()
    with central.store.writing() as connection:
        row = rows.load(connection, actor, case_id)
        if row.joined_to is not None:
            msg = f"This caller's other case is open: it was joined to case {row.joined_to}."
            raise NotNowError(msg)
        after = change(connection, row, rows.as_case(row))
        rows.save(connection, central.settings, row, after, now)
        if verb:
            audit.write(connection, now, f"user:{actor.id}", verb, f"case:{case_id}")
    central.cases_bell.ring()


def _note_attempt(
    connection: Connection,
    case_id: int,
    actor: Actor,
    kind: str,
    at: tuple[datetime, datetime | None],
) -> int:
    now, again_at = at
    values = {"case_id": case_id, "at": now, "by": actor.id, "kind": kind, "again_at": again_at}
    made = connection.execute(insert(attempt).values(**values).returning(attempt.c.id))
    return int(made.scalar_one())


def _write_note(
    connection: Connection, central: Central, actor: Actor, case_id: int, text: str
) -> None:
    cleaned = text.strip()
    if not cleaned or len(cleaned) > LONGEST_NOTE:
        msg = f"A note has 1 to {LONGEST_NOTE} characters; this one has {len(cleaned)}."
        raise InputError(msg)
    sealed = central.vault.seal(cleaned, f"note:{case_id}")
    row = {"case_id": case_id, "at": central.now(), "by": actor.id, "text_enc": sealed}
    connection.execute(insert(note).values(**row))


def notes(central: Central, connection: Connection, case_id: int) -> list[tuple[datetime, str]]:
    """When and what, oldest first."""
    query = select(note).where(note.c.case_id == case_id).order_by(note.c.id)
    sealed = connection.execute(query)
    return [(row.at, central.vault.open(row.text_enc, f"note:{case_id}")) for row in sealed]
