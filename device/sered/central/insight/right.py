"""Is it right? Precision of the alerts that people judged, by week, cause, site and version."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select

from sered.central.insight.answers import Answer, Cell, Chart, Figures, Point, together
from sered.central.insight.figures import Share, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import daily_case, daily_case_cause

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from sered.central.context import Central

WEEKS = 12
_SUMS = ("closed", "right_n", "wrong_n", "silent")


def right(central: Central, weeks: int = WEEKS) -> Answer:
    """Of alerts that somebody called back about: how many were right, and how many were judged."""
    since = _monday(central.now() - timedelta(weeks=weeks))
    with central.store.reading() as connection:
        desks = Desks(connection, since)
        by_day = _by(connection, daily_case, daily_case.c.day, since)
        by_site = _by(connection, daily_case, daily_case.c.site, since)
        place = daily_case.c.site + literal(", ") + daily_case.c.versions
        by_both = _by(connection, daily_case, place, since)
        by_version = _by(connection, daily_case, daily_case.c.versions, since)
        by_cause = _by(connection, daily_case_cause, daily_case_cause.c.cause, since)
    key, question = "right", "Is it right?"
    if not desks.enough():
        return Answer(key, question, f"Nothing is said of {SMALL}.")
    by_week: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for day, counts in by_day.items():
        week = by_week[_week(day)]
        week[:] = [a + b for a, b in zip(week, counts, strict=True)]
    total = [sum(column) for column in zip(*by_week.values(), strict=True)] or [0] * len(_SUMS)
    whole = precision(total)
    if not whole.n:
        lead = "No verdict was judged yet: say right or wrong when you close a case."
        return Answer(key, question, lead)
    closed = total[0]
    judged = share(closed - total[3], closed)
    lead = f"Right: {whole}. Judged: {judged} of the cases that were closed in {weeks} weeks."
    shown = {site: found if desks.enough(site) else None for site, found in by_site.items()}
    both = {key: n for key, n in by_both.items() if desks.enough(key.partition(", ")[0])}
    tables = (
        together([("right", whole.value, whole.low, whole.high, whole.n)]),
        _table("By week", by_week.items()),
        _table("By cause", by_cause.items()),
        _table("By site", shown.items()),
        _table("By version", by_version.items()),
        _table("By site and version", both.items()),
    )
    points = tuple(
        Point(week, s.value, s.low, s.high) if s.n else Point(week, None)
        for week, s in ((week, precision(found)) for week, found in sorted(by_week.items()))
    )
    limits = (
        "Cases that nobody judged may be otherwise: look at the share without feedback.",
        "Precision says nothing of calls that raised no alert: see “What do we miss?”.",
    )
    return Answer(
        key, question, lead, tables, (Chart("interval", "Right, by week", points),), limits
    )


def precision(counts: Iterable[int]) -> Share:
    """Of closed, right, wrong and silent cases: right of those judged right or wrong."""
    _, good, wrong, _ = counts
    return share(good, good + wrong)


def _by(
    connection: Connection, table: Any, key: ColumnElement[Any], since: datetime
) -> dict[Any, list[int]]:
    sums = [func.sum(table.c[name]) for name in _SUMS]
    query = select(key, *sums).where(table.c.day >= since).group_by(key).order_by(key)
    return {row[0]: [int(n) for n in row[1:]] for row in connection.execute(query)}


def _table(caption: str, groups: Iterable[tuple[str, list[int] | None]]) -> Figures:
    out: list[tuple[Cell, ...]] = []
    for name, found in sorted(groups, key=lambda pair: pair[0]):
        if found is None:
            out.append((name, SMALL, "", ""))
        else:
            out.append((name, str(precision(found)), found[0], str(share(found[3], found[0]))))
    return Figures(caption, ("", "right", "closed", "without feedback"), tuple(out))


def _monday(at: datetime) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _week(at: datetime) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02d}"
