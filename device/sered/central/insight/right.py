"""Is it right? Precision of the alerts that people judged, by week, cause, site and version."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.cases.holdout import HOLD
from sered.central.insight.answers import Answer, Cell, Chart, Figures, Point, together
from sered.central.insight.figures import Share, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.insight.told import OTHERS
from sered.central.insight.weeks import Weeks
from sered.central.store.tables import daily_case, daily_case_cause, daily_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection

    from sered.central.context import Central

WEEKS = 12
_SUMS = ("closed", "right_n", "wrong_n", "silent")
Row = tuple["datetime", str, str, list[int]]
"""Day, site, version or cause, and the sums."""
Rows = list[Row]


def right(central: Central, weeks: int = WEEKS) -> Answer:
    """Of alerts that somebody called back about: how many were right, and how many were judged."""
    since = _monday(central.now() - timedelta(weeks=weeks))
    key, question = "right", "Is it right?"
    with central.store.reading() as connection:
        # what is closed now was said a while ago
        desks = Desks(connection, since - timedelta(weeks=1))
        if not desks.enough():
            return Answer(key, question, f"Nothing is said of {SMALL}.")
        named = desks.versions(connection)
        found = _read(connection, daily_case, daily_case.c.versions, since)
        causes = _read(connection, daily_case_cause, daily_case_cause.c.cause, since)
        told = Weeks(connection, since.date())
        held = _held(connection, desks, since)
    # sites that are too small are counted nowhere: a sum would tell of them by what is missing
    silent = sorted({site for _, site, _, _ in found} - desks.sites)
    rows = [
        (day, site, named.get((site, version), OTHERS), counts)
        for day, site, version, counts in found
        if site in desks.sites
    ]
    by_week = _by(rows, lambda row: _week(told.of(row[1], row[0].date())))
    by_site = _by(rows, lambda row: row[1])
    by_both = _by(rows, lambda row: f"{row[1]}, {row[2]}")
    by_version = _by(rows, lambda row: row[2])
    by_cause = _by((row for row in causes if row[1] in desks.sites), lambda row: row[2])
    total = [sum(column) for column in zip(*by_week.values(), strict=True)] or [0] * len(_SUMS)
    whole = precision(total)
    if not whole.n:
        lead = "No verdict was judged yet: say right or wrong when you close a case."
        return Answer(key, question, lead)
    closed = total[0]
    judged = share(closed - total[3], closed)
    lead = f"Right: {whole}. Judged: {judged} of the cases that were closed in {weeks} weeks."
    shown = {**by_site, **dict.fromkeys(silent)}
    tables = (
        together([("right", whole.value, whole.low, whole.high, whole.n)]),
        _table("By week", by_week.items()),
        _table("By cause", by_cause.items()),
        _table("By site", shown.items()),
        _table("By version", by_version.items()),
        _table("By site and version", by_both.items()),
    )
    points = tuple(
        Point(week, s.value, s.low, s.high) if s.n else Point(week, None)
        for week, s in ((week, precision(found)) for week, found in sorted(by_week.items()))
    )
    limits: tuple[str, ...] = (
        "Cases that nobody judged may be otherwise: look at the share without feedback.",
        "Precision says nothing of calls that raised no alert: see “What do we miss?”.",
    )
    if held:
        limits += (
            f"{held} cases of low severity were held out by the lot and are judged by nobody: this"
            " is of alerts that were called back, and more of those are right than of all.",
        )
    return Answer(
        key, question, lead, tables, (Chart("interval", "Right, by week", points),), limits
    )


def precision(counts: Iterable[int]) -> Share:
    """Of closed, right, wrong and silent cases: right of those judged right or wrong."""
    _, good, wrong, _ = counts
    return share(good, good + wrong)


def _read(connection: Connection, table: Any, name: ColumnElement[str], since: datetime) -> Rows:
    sums = [func.sum(table.c[each]) for each in _SUMS]
    keys = (table.c.day, table.c.site, name)
    query = select(*keys, *sums).where(table.c.day >= since).group_by(*keys)
    return [
        (row[0], row[1], row[2], [int(n) for n in row[3:]]) for row in connection.execute(query)
    ]


def _held(connection: Connection, desks: Desks, since: datetime) -> int:
    """Cases that the hold-out's lot left without a call back."""
    table = daily_open.c
    query = select(func.sum(table.opened)).where(
        table.arm == HOLD, table.day >= since, table.site.in_(sorted(desks.sites))
    )
    return int(connection.scalar(query) or 0)


def _by(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[int]]:
    out: defaultdict[Any, list[int]] = defaultdict(lambda: [0] * len(_SUMS))
    for row in rows:
        sums = out[key(row)]
        sums[:] = [a + b for a, b in zip(sums, row[3], strict=True)]
    return dict(out)


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


def _week(at: date) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02d}"
