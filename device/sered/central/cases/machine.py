"""The life of a case as a pure state machine: state and event in, next state or a refusal out.

```
new ──claim──▶ claimed ──reached──▶ called ──close──▶ closed
 ▲  ◀─release, lease─┘  └──close (any outcome)──────────▲
 └──── try again at ─────┴──────┘
new ──withdraw──▶ withdrawn      new ──expire──▶ expired
```
A claimed case that is withdrawn stays with its claimer, who is told. A closed case stays closed;
only `undo`, which puts the fields back as they were, opens it again within its minute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sered.central.errors import NotAllowedError, NotNowError


class State(StrEnum):
    """Where a case stands."""

    NEW = "new"
    CLAIMED = "claimed"
    CALLED = "called"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    HELD = "held"
    """Left without a call back by lot (`holdout`)."""


OPEN = (State.NEW, State.CLAIMED, State.CALLED)
HELD = (State.CLAIMED, State.CALLED)


class Outcome(StrEnum):
    """How a call back went."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    REFUSED = "refused"
    """The customer does not want to talk about it."""
    UNREACHABLE = "unreachable"
    NO_NEED = "no_need"
    """Not called: the verdict was wrong, or somebody had helped already."""


class Reached(StrEnum):
    """How an attempt to call went."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Case:
    """What the machine needs to know of a case."""

    state: State
    due_at: datetime
    claimed_by: int | None = None
    claimed_at: datetime | None = None
    lease_until: datetime | None = None
    called_at: datetime | None = None
    closed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    outcome: Outcome | None = None
    attempts: int = 0
    round: int = 1
    """Counts up each time it comes back into the queue: its steps of escalation begin anew."""


def claim(case: Case, user: int, now: datetime, lease_s: float) -> Case:
    """Take it; who has it already keeps it."""
    if case.state in HELD and case.claimed_by == user:
        return renew(case, user, now, lease_s)
    if case.state in HELD:
        msg = "Somebody else has just taken this one."
        raise NotNowError(msg)
    _still_open(case)
    return replace(
        case,
        state=State.CALLED if case.called_at else State.CLAIMED,
        claimed_by=user,
        claimed_at=now,
        lease_until=now + timedelta(seconds=lease_s),
    )


def renew(case: Case, user: int, now: datetime, lease_s: float) -> Case:
    """The claimer's page is still there."""
    _held_by(case, user)
    return replace(case, lease_until=now + timedelta(seconds=lease_s))


def release(case: Case, user: int) -> Case:
    """Put it back into the queue."""
    _held_by(case, user)
    return _free(case)


def run_out(case: Case, now: datetime) -> Case:
    """Put it back because its claimer's page has gone; unchanged where the lease still runs."""
    if case.state not in HELD or case.lease_until is None or case.lease_until > now:
        return case
    return _free(case)


def hand_over(
    case: Case, user: int, to: int, now: datetime, lease_s: float, *, lead: bool = False
) -> Case:
    """Give it to somebody else; a lead may give away what is not hers."""
    _still_open(case)
    if not lead:
        _held_by(case, user)
    return replace(
        case,
        state=State.CALLED if case.called_at else State.CLAIMED,
        claimed_by=to,
        claimed_at=now,
        # whoever gets it has not got its page open yet
        lease_until=now + timedelta(seconds=max(lease_s, 600.0)),
    )


def attempt(case: Case, user: int, reached: Reached, now: datetime) -> Case:
    """Somebody called: reached the customer, or not."""
    _held_by(case, user)
    called = now if reached is Reached.REACHED else case.called_at
    state = State.CALLED if called else case.state
    return replace(case, state=state, called_at=called, attempts=case.attempts + 1)


def try_again(case: Case, user: int, at: datetime, now: datetime) -> Case:
    """Back into the queue, due at `at`, with steps of escalation of its own."""
    _held_by(case, user)
    if not now < at < now + timedelta(days=30):
        msg = "Say a time from now on, within 30 days, at which to try again."
        raise NotNowError(msg)
    freed = _free(case)
    return replace(freed, called_at=None, due_at=at)


def close(case: Case, user: int, outcome: Outcome, now: datetime) -> Case:
    """It is done."""
    _held_by(case, user)
    return replace(case, state=State.CLOSED, outcome=outcome, closed_at=now, lease_until=None)


def withdraw(case: Case, now: datetime) -> Case:
    """The box takes its alert back: closes a case nobody has, tells a claimer."""
    if case.state in {State.NEW, State.HELD}:
        return replace(case, state=State.WITHDRAWN, withdrawn_at=now, closed_at=now)
    if case.state in HELD and case.withdrawn_at is None:
        return replace(case, withdrawn_at=now)
    return case


def expire(case: Case, now: datetime) -> Case:
    """Nobody worked on it for so long that calling would only puzzle the customer."""
    if case.state is not State.NEW:
        return case
    return replace(case, state=State.EXPIRED, closed_at=now)


def _free(case: Case) -> Case:
    return replace(
        case,
        state=State.NEW,
        claimed_by=None,
        claimed_at=None,
        lease_until=None,
        round=case.round + 1,
    )


def _still_open(case: Case) -> None:
    said = {
        State.CLOSED: "This one is closed already.",
        State.WITHDRAWN: "The box has taken this alert back: nobody needs to call.",
        State.HELD: "This one is left without a call back by lot, to learn what calling helps.",
        State.EXPIRED: "This one was given up: nobody had taken it for too long.",
    }
    if case.state in said:
        raise NotNowError(said[case.state])


def _held_by(case: Case, user: int) -> None:
    _still_open(case)
    if case.state not in HELD:
        msg = "Nobody has this one just now: claim it first."
        raise NotNowError(msg)
    if case.claimed_by != user:
        msg = "Somebody else has this one."
        raise NotAllowedError(msg)
