"""Does calling back help? A random hold-out among cases of low severity, and what it takes."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.cases.holdout import CALL, HOLD
from sered.central.insight.answers import Answer, Chart, Figures, Point, points, together
from sered.central.insight.case_counts import MERELY
from sered.central.insight.figures import FEW, difference, sample_size, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import daily_case, daily_open

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.context import Central

WEEKS = 26
_EFFECTS = (0.05, 0.08, 0.1, 0.15)
_SUPPOSED = 0.25
_NOTHING: tuple[None, float, float] = (None, 0.0, 0.0)
_QUESTION = "Would they have called again anyway?"


def holdout(central: Central) -> Answer:
    """How long it must run to see an effect, and what it has shown so far."""
    settings = central.settings.holdout
    since = central.now() - timedelta(weeks=WEEKS)
    with central.store.reading() as connection:
        if not Desks(connection, since).enough():
            return Answer("holdout", _QUESTION, f"Nothing is said of {SMALL}.")
        table = daily_case.c
        query = select(func.sum(table.again), func.sum(table.again_known)).where(
            table.day >= since, table.severity == MERELY
        )
        again, known = (int(n or 0) for n in connection.execute(query).one())
        eligible = _eligible(central, connection)
        arms = _arms(connection, since)
    measured = known >= FEW
    base = again / known if measured else _SUPPOSED
    said = (
        f"{100 * base:.0f} % of such callers ring again ({'measured' if measured else 'supposed'})"
    )
    plan = Figures(
        "How many it takes (80 % power, two-sided 5 %)",
        ("effect to be seen", "cases in each arm", "weeks at today's pace"),
        tuple(_row(base, effect, eligible) for effect in _EFFECTS if effect < base),
    )
    limits = (
        f"Only cases with a score of {settings.score_above:g} or above take part, by lot; who takes"
        " part is decided by the call's id, and counted in the arm that the lot gave.",
        "Whoever is held out is not called back: ask yourself whether that may be, and for how"
        " long. A held-out customer who rings again unhappily is a case as any other.",
    )
    if settings.share == 0.0:
        lead = f"Not switched on. {said}; {eligible:.1f} cases a week could take part."
        return Answer("holdout", _QUESTION, lead, (plan,), (), limits)
    return _running(central, arms, plan, limits)


def _running(
    central: Central, arms: dict[str, tuple[int, int, int]], plan: Figures, limits: tuple[str, ...]
) -> Answer:
    settings = central.settings.holdout
    (held, held_known, held_again) = arms.get(HOLD, (0, 0, 0))
    (called, called_known, called_again) = arms.get(CALL, (0, 0, 0))
    two = share(called_again, called_known), share(held_again, held_known)
    found = difference(*two)
    fewest = min(held_known, called_known)
    over = settings.until is not None and central.now().date() > settings.until
    lead = (
        f"{'Ended on' if over else 'Until'} {settings.until}: {held} held out and {called} called, "
        f"of {settings.planned} each. "
    )
    if found is None or fewest < FEW:
        lead += "Too few to say anything yet."
    else:
        value, low, high = found
        lead += (
            f"Those to be called rang again {abs(100 * value):.0f} percentage points "
            f"{'less' if value < 0 else 'more'} often {points(low, high)}"
        )
        done = fewest >= settings.planned
        lead += ", at the planned number." if done else "; not final before the planned number."
    rows = [
        (name, *counts, str(each))
        for name, counts, each in (
            ("to be called", (called, called_known), two[0]),
            ("held out", (held, held_known), two[1]),
        )
    ]
    table = Figures("By the lot", ("", "cases", "known", "called again in 7 days"), tuple(rows))
    shown = tuple(
        Point(name, each.value, each.low, each.high)
        for name, each in zip(("to be called", "held out"), two, strict=True)
    )
    effect = together([("called again, called less held out", *(found or _NOTHING), fewest)])
    chart = Chart("groups", "Called again within seven days", shown)
    return Answer("holdout", _QUESTION, lead, (table, effect, plan), (chart,), limits)


def _row(base: float, effect: float, eligible: float) -> tuple[str, int, str | int]:
    each = sample_size(base, base - effect)
    weeks = math.ceil(2 * each / eligible) if eligible else "no case a week"
    return f"{effect * 100:.0f} percentage points", each, weeks


def _eligible(central: Central, connection: Connection) -> float:
    """Cases a week that could take part and whose caller is known, of the last four."""
    since = central.now() - timedelta(weeks=4)
    lowest = round(central.settings.holdout.score_above * 100.0, 6)
    could = (daily_open.c.day >= since) & (daily_open.c.hundredth >= lowest)
    return float(connection.scalar(select(func.sum(daily_open.c.marked)).where(could)) or 0) / 4


def _arms(connection: Connection, since: datetime) -> dict[str, tuple[int, int, int]]:
    table = daily_open.c
    sums = [func.sum(column) for column in (table.opened, table.again_known, table.again)]
    query = select(table.arm, *sums).where(table.day >= since, table.arm.in_((CALL, HOLD)))
    return {
        row[0]: (int(row[1]), int(row[2]), int(row[3]))
        for row in connection.execute(query.group_by(table.arm))
    }
