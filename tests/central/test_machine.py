"""The life of a case: who may do what, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sered.central.cases import machine
from sered.central.cases.machine import HELD, Case, Outcome, Reached, State
from sered.central.errors import NotAllowedError, NotNowError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ANN, BOB = 1, 2
NEW = Case(State.NEW, NOW + timedelta(minutes=5))


def claimed() -> Case:
    return machine.claim(NEW, ANN, NOW, 120)


def test_a_claim_is_a_lease() -> None:
    """Who claims has the case for the lease, and renews it by claiming again."""
    case = claimed()
    assert (case.state, case.claimed_by) == (State.CLAIMED, ANN)
    assert case.lease_until == NOW + timedelta(seconds=120)
    later = NOW + timedelta(seconds=60)
    assert machine.claim(case, ANN, later, 120).lease_until == later + timedelta(seconds=120)
    assert machine.claim(case, ANN, later, 120).claimed_at == NOW


def test_a_second_claim_is_turned_down_kindly() -> None:
    """The second of two who click hears that somebody else has taken it."""
    with pytest.raises(NotNowError, match="Somebody else has just taken this one"):
        machine.claim(claimed(), BOB, NOW, 120)


def test_a_lease_that_ran_out_frees_the_case() -> None:
    """A case whose page has gone is in the queue again, and its steps begin anew."""
    case = machine.run_out(claimed(), NOW + timedelta(seconds=121))
    assert (case.state, case.claimed_by, case.round) == (State.NEW, None, 2)
    assert machine.run_out(claimed(), NOW + timedelta(seconds=119)) == claimed()


def test_a_reached_customer_makes_it_called() -> None:
    """An attempt without an answer leaves it claimed, one with an answer makes it called."""
    tried = machine.attempt(claimed(), ANN, Reached.NO_ANSWER, NOW)
    assert (tried.state, tried.attempts) == (State.CLAIMED, 1)
    called = machine.attempt(tried, ANN, Reached.REACHED, NOW)
    assert (called.state, called.attempts, called.called_at) == (State.CALLED, 2, NOW)


def test_try_again_waits_in_the_queue() -> None:
    """A later time puts it back, due then, for anybody of the team."""
    at = NOW + timedelta(hours=2)
    case = machine.try_again(claimed(), ANN, at, NOW)
    assert (case.state, case.due_at, case.claimed_by, case.round) == (State.NEW, at, None, 2)
    for wrong in (NOW - timedelta(seconds=1), NOW + timedelta(days=31)):
        with pytest.raises(NotNowError, match="from now on"):
            machine.try_again(claimed(), ANN, wrong, NOW)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_closed_case_stays_closed(outcome: Outcome) -> None:
    """Nothing but undo changes a closed case; a claim after closing is one sentence."""
    case = machine.close(claimed(), ANN, outcome, NOW)
    assert (case.state, case.outcome) == (State.CLOSED, outcome)
    with pytest.raises(NotNowError, match="closed already"):
        machine.claim(case, BOB, NOW, 120)
    with pytest.raises(NotNowError, match="closed already"):
        machine.close(case, ANN, outcome, NOW)
    assert machine.withdraw(case, NOW) == case
    assert machine.expire(case, NOW) == case


def test_only_the_holder_works_on_it() -> None:
    """Others can neither call nor close; without a claim nobody can."""
    with pytest.raises(NotAllowedError, match="Somebody else has this one"):
        machine.close(claimed(), BOB, Outcome.RECOVERED, NOW)
    with pytest.raises(NotNowError, match="claim it first"):
        machine.attempt(NEW, ANN, Reached.REACHED, NOW)


def test_withdrawing_closes_what_nobody_has_and_tells_who_has_it() -> None:
    """A case in the queue is withdrawn; a claimed one stays and says so."""
    assert machine.withdraw(NEW, NOW).state is State.WITHDRAWN
    told = machine.withdraw(claimed(), NOW)
    assert (told.state, told.withdrawn_at) == (State.CLAIMED, NOW)
    with pytest.raises(NotNowError, match="taken this alert back"):
        machine.claim(machine.withdraw(NEW, NOW), ANN, NOW, 120)


def test_handing_over_needs_the_holder_or_a_lead() -> None:
    """The holder gives it away, a lead anybody's."""
    assert machine.hand_over(claimed(), ANN, BOB, NOW, 120).claimed_by == BOB
    assert machine.hand_over(NEW, 9, BOB, NOW, 120, lead=True).claimed_by == BOB
    with pytest.raises(NotAllowedError):
        machine.hand_over(claimed(), 9, BOB, NOW, 120)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["claim", "release", "out", "over", "no", "yes", "again", "close", "back", "old"]
        ),
        st.sampled_from([ANN, BOB]),
        st.integers(0, 300),
    ),
    max_size=30,
)


@given(_STEPS)
def test_no_order_of_steps_breaks_a_case(steps: list[tuple[str, int, int]]) -> None:
    """Whatever people and boxes do: held means a holder, over means over, rounds only grow."""
    case, now = NEW, NOW
    for what, who, seconds in steps:
        now += timedelta(seconds=seconds)
        before = case
        try:
            case = _one(case, what, who, now)
        except (NotNowError, NotAllowedError):
            case = before
        assert (case.claimed_by is not None) == (case.state in HELD) or case.closed_at
        assert (case.lease_until is not None) == (case.state in HELD)
        assert case.round >= before.round
        assert before.closed_at is None or case == before


def _one(case: Case, what: str, who: int, now: datetime) -> Case:
    ways: dict[str, Callable[[], Case]] = {
        "claim": lambda: machine.claim(case, who, now, 120),
        "release": lambda: machine.release(case, who),
        "out": lambda: machine.run_out(case, now),
        "over": lambda: machine.hand_over(case, who, 3 - who, now, 120),
        "no": lambda: machine.attempt(case, who, Reached.NO_ANSWER, now),
        "yes": lambda: machine.attempt(case, who, Reached.REACHED, now),
        "again": lambda: machine.try_again(case, who, now + timedelta(hours=1), now),
        "close": lambda: machine.close(case, who, Outcome.RECOVERED, now),
        "back": lambda: machine.withdraw(case, now),
        "old": lambda: machine.expire(case, now),
    }
    return ways[what]()
