"""What people do on the board: each a form that is sent, one step in the store, and a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response

from sered.central.callers import showing
from sered.central.cases import actions
from sered.central.cases.machine import Outcome, Reached
from sered.central.errors import InputError, NotAllowedError, NotFoundError, NotNowError
from sered.central.web import board, say
from sered.central.web.views import status_of

if TYPE_CHECKING:
    from sered.central.web.views import View, Visit
    from sered.errors import SeredError

Act = Callable[["Visit"], "Response | None"]
_TURNED_DOWN = (NotNowError, NotAllowedError, InputError, NotFoundError)


def acting(act: Act) -> View:
    """The page after an act; what was turned down is said on the case's own page."""

    def view(visit: Visit) -> Response:
        try:
            answer = act(visit)
        except _TURNED_DOWN as error:
            return _told(visit, error)
        return answer or RedirectResponse(f"/case/{visit.case_id}", HTTPStatus.SEE_OTHER)

    return view


def claim(visit: Visit) -> Response:
    """Take the case; the number stands on the page that follows, and its showing is audited."""
    actions.claim(visit.central, visit.actor, visit.case_id)
    return number(visit)


def number(visit: Visit) -> Response:
    """Show the number once more."""
    found = showing.number(visit.central, visit.actor, visit.case_id)
    return board.shown(visit, number=found)


def choose(visit: Visit) -> Response:
    """This record is the call; its number follows."""
    showing.choose(visit.central, visit.actor, visit.case_id, visit.form.get("record", ""))
    return number(visit)


def type_in(visit: Visit) -> Response:
    """The desk told the number."""
    showing.type_in(visit.central, visit.actor, visit.case_id, visit.form.get("number", ""))
    return number(visit)


def renew(visit: Visit) -> Response:
    """The page of the claimer is still open."""
    actions.renew(visit.central, visit.actor, visit.case_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def release(visit: Visit) -> None:
    """Back into the queue."""
    actions.release(visit.central, visit.actor, visit.case_id)


def hand_over(visit: Visit) -> None:
    """To a colleague."""
    actions.hand_over(visit.central, visit.actor, visit.case_id, visit.form.get("to", ""))


def reached(visit: Visit) -> None:
    """The customer was reached."""
    actions.attempted(visit.central, visit.actor, visit.case_id, Reached.REACHED)


def no_answer(visit: Visit) -> None:
    """Nobody answered."""
    actions.attempted(visit.central, visit.actor, visit.case_id, Reached.NO_ANSWER)


def again(visit: Visit) -> Response:
    """Later: in so many minutes, or at a time of the site's clock."""
    at = _later(visit.form, visit.central.now(), _zone(visit))
    actions.try_again(visit.central, visit.actor, visit.case_id, at)
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


def close(visit: Visit) -> None:
    """Done: how it went, whether the verdict was right, what it was about."""
    form = visit.form
    if form.get("outcome") not in say.OUTCOMES:
        msg = "Say how it went: " + ", ".join(say.OUTCOMES.values()) + "."
        raise InputError(msg)
    actions.close(
        visit.central,
        visit.actor,
        visit.case_id,
        Outcome(form["outcome"]),
        verdict=form.get("verdict") or None,
        true_cause=form.get("true_cause") or None,
        text=form.get("note", ""),
    )


def judge(visit: Visit) -> None:
    """Was the verdict right?"""
    actions.judge(visit.central, visit.actor, visit.case_id, visit.form.get("verdict", ""))


def note(visit: Visit) -> None:
    """A line for colleagues."""
    actions.add_note(visit.central, visit.actor, visit.case_id, visit.form.get("note", ""))


def undo(visit: Visit) -> None:
    """Take the last step back."""
    actions.undo(visit.central, visit.actor, visit.case_id)


ACTS: dict[str, Act] = {
    "claim": claim,
    "number": number,
    "choose": choose,
    "type": type_in,
    "renew": renew,
    "release": release,
    "hand-over": hand_over,
    "reached": reached,
    "no-answer": no_answer,
    "again": again,
    "close": close,
    "judge": judge,
    "note": note,
    "undo": undo,
}
"""Last part of the address to what it does."""


def _told(visit: Visit, error: SeredError) -> Response:
    if visit.request.headers.get("x-piece"):
        return Response(str(error), status_of(error))
    if isinstance(error, NotFoundError):
        raise error
    return board.shown(visit, sentence=str(error), status=status_of(error))


def _zone(visit: Visit) -> ZoneInfo:
    return ZoneInfo(visit.form.get("zone") or "UTC")


def _later(form: dict[str, str], now: datetime, zone: ZoneInfo) -> datetime:
    if form.get("minutes", "").isdigit():
        return now + timedelta(minutes=int(form["minutes"][:6]))
    try:
        return datetime.fromisoformat(form.get("at", "")).replace(tzinfo=zone)
    except ValueError:
        msg = "Say when to try again: a number of minutes, or a day and a time."
        raise InputError(msg) from None
