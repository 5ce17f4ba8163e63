"""What makes customers unhappy? Negative shares and causes over time, by site and queue."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.insight.answers import Answer, Chart, Figures, Point, together
from sered.central.insight.figures import BASELINE, funnel, laney, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import hourly, hourly_cause

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from sered.central.context import Central

DAYS = 56


def unhappy(
    central: Central, site: str | None = None, queue: str | None = None, days: int = DAYS
) -> Answer:
    """Within a site and queue, or of everything; nothing of a group that is too small."""
    question = "What makes customers unhappy?"
    now = central.now()
    since = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    with central.store.reading() as connection:
        desks = Desks(connection, since)
        if not desks.enough(site, queue):
            return Answer("unhappy", question, f"Nothing is said of {SMALL}.")
        within = _within(hourly, since, site, queue)
        daily = _daily(connection, within)
        marks = _upgrades(connection, within)
        causes = _causes(connection, _within(hourly_cause, since, site, queue))
        sites = _sites(connection, since) if site is None else {}
    calls = sum(n for _, n in daily.values())
    negative = share(sum(k for k, _ in daily.values()), calls)
    where = f" at {site}" + (f", {queue}" if queue else "") if site else ""
    lead = f"Negative{where}: {negative} of {calls} calls in {days} days."
    charts = [_control(daily, marks)]
    tables = [
        Figures("Causes of negative calls", ("cause", "calls"), tuple(causes)),
        Figures(
            "By day",
            ("day", "calls", "negative", "share"),
            tuple((day, n, k, str(share(k, n))) for day, (k, n) in daily.items()),
        ),
        together([("negative", negative.value, negative.low, negative.high, negative.n)]),
    ]
    if sites:
        tables.insert(1, _by_site(sites, desks))
    limits = [
        "A verdict is not a customer: precision stands beside it, under “Is it right?”.",
        "Sites differ in their customers and causes; the limits show chance, not merit, and"
        " nobody is ranked.",
    ]
    if len([n for _, n in daily.values() if n]) < BASELINE:
        limits.append(f"Control limits are drawn from {BASELINE} days with calls on.")
    return Answer("unhappy", question, lead, tuple(tables), tuple(charts), tuple(limits))


def _within(
    table: Any, since: datetime, site: str | None, queue: str | None
) -> list[ColumnElement[bool]]:
    out = [table.c.hour >= since]
    if site is not None:
        out.append(table.c.site == site)
    if queue is not None:
        out.append(table.c.queue == queue)
    return out


def _daily(connection: Connection, within: list[ColumnElement[bool]]) -> dict[str, tuple[int, int]]:
    query = (
        select(
            hourly.c.hour,
            func.sum(hourly.c.negative).label("k"),
            func.sum(hourly.c.negative + hourly.c.positive + hourly.c.undetermined).label("n"),
        )
        .where(*within)
        .group_by(hourly.c.hour)
        .order_by(hourly.c.hour)
    )
    out: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in connection.execute(query):
        day = f"{row.hour:%Y-%m-%d}"
        k, n = out[day]
        out[day] = (k + int(row.k), n + int(row.n))
    return dict(out)


def _upgrades(connection: Connection, within: list[ColumnElement[bool]]) -> dict[str, str]:
    """Days on which a version was seen for the first time, after the first day of all."""
    query = (
        select(hourly.c.versions, func.min(hourly.c.hour).label("first"))
        .where(*within)
        .group_by(hourly.c.versions)
    )
    found = {row.versions: row.first for row in connection.execute(query)}
    if not found:
        return {}
    begin = min(found.values()).date()
    return {f"{at:%Y-%m-%d}": version for version, at in found.items() if at.date() != begin}


def _causes(connection: Connection, within: list[ColumnElement[bool]]) -> list[tuple[str, int]]:
    count = func.sum(hourly_cause.c.calls)
    query = (
        select(hourly_cause.c.cause, count.label("n"))
        .where(*within)
        .group_by(hourly_cause.c.cause)
        .order_by(count.desc(), hourly_cause.c.cause)
    )
    return [(row.cause, int(row.n)) for row in connection.execute(query)]


def _sites(connection: Connection, since: datetime) -> dict[str, tuple[int, int]]:
    query = (
        select(
            hourly.c.site,
            func.sum(hourly.c.negative).label("k"),
            func.sum(hourly.c.negative + hourly.c.positive + hourly.c.undetermined).label("n"),
        )
        .where(hourly.c.hour >= since)
        .group_by(hourly.c.site)
        .order_by(hourly.c.site)
    )
    return {row.site: (int(row.k), int(row.n)) for row in connection.execute(query)}


def _by_site(sites: dict[str, tuple[int, int]], desks: Desks) -> Figures:
    """By name, never by share: a funnel, no ranking."""
    shown = {site: counts for site, counts in sites.items() if desks.enough(site)}
    shape = funnel(list(shown.values()))
    rows: list[tuple[str | int, ...]] = []
    for at, (site, (k, n)) in enumerate(shown.items()):
        within = "too few sites to say"
        if shape is not None:
            low, high = shape.limits[at]
            within = "outside" if at in shape.outside else "within"
            within += f" {low:.0%} to {high:.0%}"
        rows.append((site, n, k, str(share(k, n)), within))
    rows += [(site, "", "", SMALL, "") for site in sites if site not in shown]
    columns = ("site", "calls", "negative", "share", "what chance allows")
    return Figures("By site (funnel, 99.8 %)", columns, tuple(rows))


def _control(daily: dict[str, tuple[int, int]], marks: dict[str, str]) -> Chart:
    marked = [at for at, day in enumerate(daily) if day in marks]
    limits = laney(list(daily.values()), marked[-1] if marked else None)
    points = []
    for at, (day, (k, n)) in enumerate(daily.items()):
        low, high = limits.limits[at] if limits else (None, None)
        outside = limits is not None and at in limits.outside
        points.append(Point(day, k / n if n else None, low, high, outside, marks.get(day, "")))
    centre = limits.centre if limits else None
    return Chart("control", "Negative share by day", tuple(points), centre)
