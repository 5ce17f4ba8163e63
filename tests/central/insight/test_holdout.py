"""The hold-out: by lot, of low severity alone, for a while, with its power said before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from central_stage import call_id, negative
from insight_stage import Calls
from sered.central.cases import clock as case_clock
from sered.central.cases import opening
from sered.central.cases.holdout import CALL, HOLD, arm
from sered.central.insight import keeping, labelled, right
from sered.central.insight.figures import sample_size
from sered.central.insight.holdout import holdout
from sered.central.sections import HoldoutSettings
from sered.central.store.tables import cases, feedback, outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central

ON = {"share": 0.5, "until": date(2026, 4, 1), "planned": 120}


def test_the_lot_is_fair_and_spares_the_angry(clock: Clock) -> None:
    """About the share of those hardly unhappy, the same at every look, nobody afterwards."""
    settings = HoldoutSettings.model_validate(ON)
    keys = [call_id(n) for n in range(2000)]
    drawn = [arm(settings, key, -0.6, clock()) for key in keys]
    assert drawn == [arm(settings, key, -0.6, clock()) for key in keys]
    assert drawn.count(HOLD) == pytest.approx(1000, abs=100)
    assert set(drawn) == {HOLD, CALL}
    assert {arm(settings, key, -0.8, clock()) for key in keys} == {""}
    assert {arm(settings, key, None, clock()) for key in keys} == {""}
    later = clock() + timedelta(days=60)
    assert {arm(settings, key, -0.6, later) for key in keys} == {""}
    assert {arm(HoldoutSettings(), key, -0.6, clock()) for key in keys} == {""}


def test_it_is_not_switched_on_without_a_plan() -> None:
    """A share without an end and a planned number is refused with where to find it."""
    with pytest.raises(ValueError, match="/figures/holdout"):
        HoldoutSettings(share=0.5)


def test_the_power_is_said_before(central: Central, clock: Clock) -> None:
    """Before it is switched on the page says how many cases and weeks an effect takes."""
    calls = Calls(central)
    keys = calls.unhappy(clock() - timedelta(days=9), 40, score=-0.6)
    calls.closed(keys, "right", score=-0.6)
    with central.store.writing() as connection:
        connection.execute(cases.update().values(caller_hmac="x", called_again=False))
        some = select(cases.c.id).order_by(cases.c.id).limit(10)
        again = cases.update().where(cases.c.id.in_(some))
        connection.execute(again.values(called_again=True))
    keeping.count(central)
    found = holdout(central)
    assert found.lead == (
        "Not switched on. 25 % of such callers ring again (measured); 10.0 cases a week could take"
        " part."
    )
    row = next(row for row in found.tables[0].rows if row[0] == "10 percentage points")
    each = sample_size(0.25, 0.15)
    assert row[1] == each
    assert row[2] == -(-2 * each // 10)


def test_who_is_held_out_is_nobodys_case(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """A held-out case tells nobody and is in no queue; a report that is worse brings it back; the
    page compares the arms.
    """
    central = make_central(holdout=ON)
    keys = [call_id(70_000 + n) for n in range(200)]
    mild = [negative(central, call_id=key, score=-0.6) for key in keys]
    with central.store.writing() as connection:
        new = opening.open_cases(connection, central.settings, mild)
    with central.store.reading() as connection:
        rows = {row.call_id: row for row in connection.execute(select(cases))}
    held = [row for row in rows.values() if row.arm == HOLD]
    assert 70 <= len(held) <= 130
    assert len(new) == 200 - len(held)
    while case_clock.tick(central):
        pass
    assert {row.state for row in held} == {"held"}
    assert {row.next_step_at for row in held} == {None}
    with central.store.reading() as connection:
        told = set(connection.scalars(select(outbox.c.case_id)))
    assert not told & {row.id for row in held}
    worse = negative(central, call_id=held[0].call_id, score=-0.9)
    with central.store.writing() as connection:
        assert opening.correct(connection, central.settings, [worse]) == [held[0].id]
        back = connection.execute(select(cases).where(cases.c.id == held[0].id)).one()
    assert (back.state, back.arm) == ("new", "")
    assert back.next_step_at is not None
    Calls(central).add(clock(), 6)
    with central.store.writing() as connection:
        connection.execute(cases.update().values(called_again=cases.c.arm == HOLD))
    keeping.count(central)
    found = holdout(central)
    assert "100 percentage points less often (95 %: −100 to" in found.lead
    assert "not final before the planned number" in found.lead


def test_whom_the_lot_calls_stands_for_those_held_out(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """Nobody judges a held-out case: what boxes learn from weighs the called ones for both, and the
    page of precision says of whom it is.
    """
    central = make_central(holdout=ON)
    keys = Calls(central).unhappy(clock(), 60, score=-0.6)
    mild = [negative(central, call_id=key, score=-0.6) for key in keys]
    with central.store.writing() as connection:
        opening.open_cases(connection, central.settings, mild)
        called = connection.execute(select(cases).where(cases.c.arm == CALL)).all()
        done = {"state": "closed", "closed_at": clock(), "outcome": "recovered"}
        connection.execute(cases.update().where(cases.c.arm == CALL).values(**done))
        said = {"verdict": "right", "by_role": "agent", "at": clock()}
        rows = [said | {"call_id": row.call_id, "case_id": row.id} for row in called]
        connection.execute(feedback.insert(), rows)
    found = labelled.labelled(central, "berlin", clock() - timedelta(days=1))
    assert len(found) == len(called) < 60
    assert sum(one.judged.weight for one in found) == pytest.approx(60)
    keeping.count(central)
    limits = right.right(central).limits
    assert f"{60 - len(called)} cases of low severity were held out" in limits[-1]
