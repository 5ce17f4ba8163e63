"""What people do with cases, on both databases: one winner, scope, undo, an unbroken trail."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from central_stage import opened
from sered.central import audit, people
from sered.central.cases import actions, views
from sered.central.cases import clock as case_clock
from sered.central.cases.machine import Outcome, Reached
from sered.central.errors import InputError, NotAllowedError, NotFoundError, NotNowError
from sered.central.people import Role
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central
    from sered.central.people import Actor


def test_three_steps_from_the_queue_to_closed(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """Claim, reached, closed with outcome, verdict and cause: the view tells all of it."""
    ann, case = person("ann"), opened(central)
    assert [row.id for row in views.queue(central, ann).rows] == [case]
    actions.claim(central, ann, case)
    assert views.queue(central, ann).rows[0].mine
    actions.attempted(central, ann, case, Reached.REACHED)
    clock.move(60)
    actions.close(
        central, ann, case, Outcome.RECOVERED, verdict="right", true_cause="delay", text="  calm "
    )
    seen = views.case(central, ann, case)
    assert (seen.row.state, seen.outcome) == ("closed", "recovered")
    assert (seen.verdict, seen.true_cause) == ("right", "delay")
    assert [text for _, text in seen.notes] == ["calm"]
    assert [verb for _, _, verb in seen.trail] == [
        "case.opened", "case.claimed", "call.reached", "case.closed",
    ]  # fmt: skip
    assert views.queue(central, ann).open == 0


def test_eight_people_claim_the_same_cases_and_each_has_one_winner(
    central: Central, person: Callable[..., Actor]
) -> None:
    """Of eight who click at once each case has one winner; the others are told kindly."""
    people_ = [person(f"p{n}") for n in range(8)]
    wanted = [opened(central) for _ in range(10)]
    won: list[tuple[int, int]] = []
    said: list[str] = []

    def click(who: Actor) -> None:
        for case in wanted:
            try:
                actions.claim(central, who, case)
                won.append((case, who.id))
            except NotNowError as error:
                said.append(str(error))

    threads = [threading.Thread(target=click, args=[who]) for who in people_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(case for case, _ in won) == wanted
    kind = {
        "Somebody else has just taken this one.",
        "Somebody else has just changed this one. Look at it again.",
    }
    assert set(said) <= kind
    assert len(said) == 70


def test_other_teams_cases_do_not_exist(central: Central, person: Callable[..., Actor]) -> None:
    """A case of another team can be neither seen nor claimed."""
    bob, case = person("bob", teams=("billing",)), opened(central)
    assert views.queue(central, bob).open == 0
    with pytest.raises(NotFoundError):
        views.case(central, bob, case)
    with pytest.raises(NotFoundError):
        actions.claim(central, bob, case)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN, Role.AUDITOR])
def test_who_does_not_call_claims_nothing(
    central: Central, person: Callable[..., Actor], role: Role
) -> None:
    """Analysts, administrators and auditors see cases and take none."""
    eva, case = person("eva", role, teams=()), opened(central)
    assert views.queue(central, eva).open == 1
    with pytest.raises(NotAllowedError, match="needs the role"):
        actions.claim(central, eva, case)


def test_closing_can_be_undone_for_a_minute(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """Undo brings the case and what was said before back; after a minute it is too late."""
    ann, case = person("ann"), opened(central)
    actions.claim(central, ann, case)
    actions.judge(central, ann, case, "unsure")
    actions.close(central, ann, case, Outcome.REFUSED, verdict="wrong")
    clock.move(59)
    assert 0 < views.case(central, ann, case).undo_s <= 1
    actions.undo(central, ann, case)
    back = views.case(central, ann, case)
    assert (back.row.state, back.outcome, back.verdict) == ("claimed", None, "unsure")
    actions.close(central, ann, case, Outcome.REFUSED)
    clock.move(61)
    with pytest.raises(NotNowError, match="no longer"):
        actions.undo(central, ann, case)


def test_nobody_undoes_anothers_step(central: Central, person: Callable[..., Actor]) -> None:
    """Only who did it takes it back."""
    ann, bob, case = person("ann"), person("bob"), opened(central)
    actions.claim(central, ann, case)
    actions.attempted(central, ann, case, Reached.REACHED)
    with pytest.raises(NotNowError):
        actions.undo(central, bob, case)
    actions.undo(central, ann, case)
    assert views.case(central, ann, case).row.attempts == 0
    assert views.case(central, ann, case).attempts == ()


def test_try_again_brings_it_back_with_its_steps(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """At the time that was said the team is told anew; before it nobody is."""
    ann, case = person("ann"), opened(central)
    case_clock.tick(central)
    actions.claim(central, ann, case)
    at = clock() + timedelta(hours=1)
    actions.try_again(central, ann, case, at)
    clock.move(3000)
    case_clock.tick(central)
    assert _sent(central) == [(case, 0)]
    clock.move(601)
    case_clock.tick(central)
    assert _sent(central) == [(case, 0), (case, 0)]
    assert views.queue(central, ann).rows[0].due_at == at


def test_handing_over_reaches_only_who_may_have_it(
    central: Central, person: Callable[..., Actor]
) -> None:
    """A case goes to a colleague of the team; a lead moves what others hold."""
    ann, bob, case = person("ann"), person("bob"), opened(central)
    lea = person("lea", Role.LEAD)
    person("eva", Role.ANALYST)
    actions.claim(central, ann, case)
    with pytest.raises(InputError, match="nobody who can take"):
        actions.hand_over(central, ann, case, "eva")
    actions.hand_over(central, ann, case, "bob")
    assert views.queue(central, bob).rows[0].mine
    actions.hand_over(central, lea, case, "ann")
    assert views.queue(central, ann).rows[0].claimed_by == "Ann"


def test_the_trail_shows_where_it_was_changed(
    central: Central, person: Callable[..., Actor]
) -> None:
    """The chain verifies; a row changed or taken out afterwards is named."""
    ann, case = person("ann"), opened(central)
    actions.claim(central, ann, case)
    actions.release(central, ann, case)
    with central.store.reading() as connection:
        assert list(audit.faults(connection)) == []
    with central.store.writing() as connection:
        row = tables.audit.c.verb == "case.claimed"
        connection.execute(update(tables.audit).where(row).values(actor="user:99"))
    with central.store.reading() as connection:
        (fault,) = audit.faults(connection)
    assert "was changed" in fault
    with central.store.writing() as connection:
        connection.execute(tables.audit.delete().where(tables.audit.c.verb == "case.claimed"))
    with central.store.reading() as connection:
        said = " ".join(audit.faults(connection))
    assert "missing" in said
    assert "does not continue" in said


def test_notes_are_unreadable_on_disk(central: Central, person: Callable[..., Actor]) -> None:
    """A note is sealed in the store; a far too long one is refused with its length."""
    ann, case = person("ann"), opened(central)
    actions.add_note(central, ann, case, "Mrs Miller, ring after six")
    with central.store.reading() as connection:
        (sealed,) = connection.scalars(select(tables.note.c.text_enc))
    assert b"Miller" not in sealed
    with pytest.raises(InputError, match="5000"):
        actions.add_note(central, ann, case, "x" * 5000)


def test_a_wrong_password_locks_for_a_while(central: Central, clock: Clock) -> None:
    """Five wrong ones lock the login and the address; the right one then waits, too."""
    people.add_user(central, "ann", "correct horse battery", [Role.AGENT], teams=["recovery"])
    token = people.log_in(central, "ann", "correct horse battery", "10.0.0.1")
    session = people.session_of(central, token)
    assert session
    assert session.actor.login == "ann"
    for _ in range(5):
        with pytest.raises(NotAllowedError, match="is wrong"):
            people.log_in(central, "ann", "guess", "10.0.0.2")
    with pytest.raises(NotAllowedError, match="Too many"):
        people.log_in(central, "ann", "correct horse battery", "10.0.0.2")
    clock.move(31)
    people.log_in(central, "ann", "correct horse battery", "10.0.0.2")


def test_a_session_that_was_ended_is_worth_nothing(central: Central, clock: Clock) -> None:
    """A cookie replayed after logging out, half a day later or after a lock-out is nobody's."""
    people.add_user(central, "ann", "correct horse battery", [Role.AGENT])
    token = people.log_in(central, "ann", "correct horse battery", "::1")
    people.log_out(central, token)
    assert people.session_of(central, token) is None
    token = people.log_in(central, "ann", "correct horse battery", "::1")
    clock.move(12 * 3600 + 1)
    assert people.session_of(central, token) is None
    token = people.log_in(central, "ann", "correct horse battery", "::1")
    people.disable(central, "ann")
    assert people.session_of(central, token) is None


def _sent(central: Central) -> list[tuple[int, int]]:
    with central.store.reading() as connection:
        query = select(tables.outbox.c.case_id, tables.outbox.c.step).order_by(tables.outbox.c.id)
        return [(row.case_id, row.step) for row in connection.execute(query)]
