"""The number to call back: found, chosen or typed, shown to its claimer only, audited."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select

from central_stage import map_line, opened
from sered.central.callers import matcher, records, showing, storing
from sered.central.callers.matcher import Seen
from sered.central.cases import actions, views
from sered.central.errors import InputError, NotAllowedError
from sered.central.people import Role
from sered.central.simulate import truth
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central
    from sered.central.people import Actor


def test_a_number_is_found_shown_and_audited(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """After a day of calls the next one's number is there, for the claimer only, in the trail."""
    ann, bob = person("ann"), person("bob")
    lea = person("lea", Role.ANALYST, teams=())
    case = _a_day_and_one(central, clock)
    actions.claim(central, ann, case)
    shown = showing.number(central, ann, case)
    assert (shown.number, shown.how) == ("+4930111", "auto")
    for other in (bob, lea):
        with pytest.raises(NotAllowedError):
            showing.number(central, other, case)
    assert "number.shown" in {verb for _, _, verb in views.case(central, ann, case).trail}
    assert "30111" not in repr(shown)


def test_an_unsure_number_is_a_list_to_choose_from(
    central: Central, person: Callable[..., Actor], clock: Clock
) -> None:
    """Without a day of calls nobody's number is shown: endings, and a choice."""
    ann, case = person("ann"), _a_day_and_one(central, clock, days_calls=3)
    actions.claim(central, ann, case)
    shown = showing.number(central, ann, case)
    assert (shown.number, shown.how) == (None, "choose")
    assert shown.candidates[0].ending.endswith("·11")
    assert 0.3 < shown.candidates[0].overlap < 0.9
    showing.choose(central, ann, case, shown.candidates[0].pbx_id)
    assert showing.number(central, ann, case).number == "+4930111"


def test_a_typed_number_is_kept(central: Central, person: Callable[..., Actor]) -> None:
    """The desk tells the number: it is sealed and shown; nonsense is refused."""
    ann, case = person("ann"), opened(central)
    actions.claim(central, ann, case)
    assert showing.number(central, ann, case).how == "ask"
    with pytest.raises(InputError, match="telephone number"):
        showing.type_in(central, ann, case, "call him")
    showing.type_in(central, ann, case, "+49 30 222")
    assert showing.number(central, ann, case).number == "+4930222"


def test_the_same_caller_joins_the_open_case(
    central: Central, person: Callable[..., Actor]
) -> None:
    """A second case of one number stands behind the first and closes with it."""
    ann = person("ann")
    first, second = opened(central), opened(central)
    for case in (first, second):
        actions.claim(central, ann, case)
        showing.type_in(central, ann, case, "+49 30 333")
        actions.release(central, ann, case)
    third = opened(central)
    with central.store.writing() as connection:
        call_id = connection.scalar(
            select(tables.cases.c.call_id).where(tables.cases.c.id == third)
        )
        assert call_id
        mark = central.vault.mark("+4930333")
        matcher.joined(connection, central, call_id, mark, central.now())
    rows = {row.id: row for row in views.queue(central, ann).rows}
    assert third not in rows
    assert rows[first].joined >= 1


def _a_day_and_one(central: Central, clock: Clock, days_calls: int = 40) -> int:
    """Calls with their records, box 20 s ahead, and a case for the last one; its id."""
    map_line(central)
    seen = Seen(clock(), clock())
    desk = truth.Desk("berlin", "desk1", "line1", "201", "", 20.0)
    calls = list(truth.day(desk, clock(), 30, callers=["+4930111"]))[:days_calls]
    calls = [call for call in calls if call.number]
    legs = [
        records.Leg(c.call_id, "csv", (c.number or "",), ("201",), c.rang, c.answered, c.ended)
        for c in calls
    ]
    clock.at = calls[-1].ended + timedelta(seconds=30)
    assert storing.take(central, legs) == len(calls)
    with central.store.writing() as connection:
        connection.execute(insert(tables.call), [_call_row(call, clock()) for call in calls])
    last = calls[-1]
    case = opened(central, call_id=last.call_id)
    matcher.match_new(central, seen)
    return case


def _call_row(call: truth.TrueCall, received: datetime) -> dict[str, Any]:
    return {
        "call_id": call.call_id, "site": "berlin", "device": "desk1", "line": "line1",
        "started_at": call.heard_from, "ended_at": call.heard_until,
        "duration_s": (call.heard_until - call.heard_from).total_seconds(),
        "clock_synced": True, "clock_doubtful": False, "end_reason": "on_hook", "mode": "both",
        "mixed": False, "escalate": call.escalate, "lost_s": 0.0, "versions": "",
        "received_at": received, "arrived_late": False,
    }  # fmt: skip
