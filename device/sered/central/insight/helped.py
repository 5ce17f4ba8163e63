"""Did calling back help? Outcomes and repeat calls by time to the call back; not causal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.insight.answers import Answer, Chart, Figures, Point, points, together
from sered.central.insight.case_counts import BANDS, LATER, MERELY, NEVER, VERY
from sered.central.insight.figures import FEW, share, stratified_difference
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import daily_case

if TYPE_CHECKING:
    from sered.central.context import Central

WEEKS = 26
SOON = BANDS[0][1]
Counts = dict[tuple[str, str], tuple[int, int, int, int]]
"""By severity and band: closed, recovered, known whether they called again, called again."""


def helped(central: Central) -> Answer:
    """Recovered, and called again within seven days, by time to the call back and severity."""
    question = "Did calling back help?"
    since = central.now() - timedelta(weeks=WEEKS)
    with central.store.reading() as connection:
        desks = Desks(connection, since)
        if not desks.enough():
            return Answer("helped", question, f"Nothing is said of {SMALL}.")
        keys = (daily_case.c.severity, daily_case.c.band)
        names = ("closed", "recovered", "again_known", "again")
        sums = [func.sum(daily_case.c[name]) for name in names]
        query = select(daily_case.c.site, *keys, *sums).where(daily_case.c.day >= since)
        rows = connection.execute(query.group_by(daily_case.c.site, *keys)).all()
    found: Counts = {}
    for site, severity, band, *counts in rows:
        if site in desks.sites:
            before = found.get((severity, band), (0, 0, 0, 0))
            closed, recovered, known, again = (
                int(a) + int(b) for a, b in zip(before, counts, strict=True)
            )
            found[severity, band] = (closed, recovered, known, again)
    table: list[tuple[Any, ...]] = []
    shown = []
    for severity in (VERY, MERELY):
        for band in (*(name for _, name in BANDS), LATER, NEVER):
            if (severity, band) not in found:
                continue
            closed, recovered, known, again = found[severity, band]
            repeat = share(again, known)
            said = (str(share(recovered, closed)), str(repeat))
            table.append((severity, band, closed, *said, known))
            if repeat.n:
                shown.append(Point(f"{severity}, {band}", repeat.value, repeat.low, repeat.high))
    columns = ("severity", "called back", "cases", "recovered", "called again in 7 days", "known")
    cases = sum(counts[0] for counts in found.values())
    unknown = cases - sum(counts[2] for counts in found.values())
    limits = (
        "Not causal: the angriest are called first, and who is reached soon differs from others.",
        f"Of {unknown} cases no number is known or seven days have not passed: whether they "
        "called again is not counted.",
    )
    return Answer(
        "helped",
        question,
        f"{cases} cases were closed in {WEEKS} weeks. {_said(found)}",
        (
            Figures("By severity and time to the call back", columns, tuple(table)),
            together([("called again, soon less others", *_difference(found))]),
        ),
        (Chart("groups", "Called again within seven days", tuple(shown)),) if shown else (),
        limits,
    )


def soon_and_later(found: Counts) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """For each severity (again, known) of those called back within five minutes, and of others."""
    strata = []
    for severity in (VERY, MERELY):
        mine = {band: counts for (of, band), counts in found.items() if of == severity}
        soon = mine.pop(SOON, (0, 0, 0, 0))
        rest = (sum(c[3] for c in mine.values()), sum(c[2] for c in mine.values()))
        strata.append(((soon[3], soon[2]), rest))
    return strata


def _difference(found: Counts) -> tuple[float | None, float, float, int]:
    """With its interval, and the smaller of both groups."""
    strata = soon_and_later(found)
    fewest = min(sum(n for (_, n), _ in strata), sum(n for _, (_, n) in strata))
    value, low, high = stratified_difference(strata) or (None, 0.0, 0.0)
    return value, low, high, fewest


def _said(found: Counts) -> str:
    value, low, high, fewest = _difference(found)
    if value is None or fewest < FEW:
        return "Too few to compare those called back within five minutes with the others."
    return (
        f"As unhappy as each other, those called back within five minutes called again "
        f"{'less' if value < 0 else 'more'} often than the others, by {abs(value) * 100:.0f} "
        f"percentage points {points(low, high)}."
    )
