"""What makes customers unhappy? Negative shares and causes over time, by site and queue."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from sered.central.insight.answers import Answer, Chart, Figures, Point, together
from sered.central.insight.days import Days
from sered.central.insight.figures import BASELINE, funnel, laney, share
from sered.central.insight.groups import SMALL
from sered.central.insight.told import OTHERS, QUEUE, SITE, VERSION
from sered.central.store.tables import desk, told_cause, told_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Connection, Row

    from sered.central.context import Central

DAYS = 56
_QUESTION = "What makes customers unhappy?"
_LIMITS = (
    "A verdict is not a customer: precision stands beside it, under “Is it right?”.",
    "Sites differ in their customers and causes; the limits show chance, not merit, and nobody is"
    " ranked.",
    f"A day is told when it is over, and only where five desks or more had calls; a day, a site or"
    f" a queue with fewer is counted nowhere, or as “{OTHERS}”.",
)


def unhappy(
    central: Central,
    site: str | None = None,
    queue: str | None = None,
    days: int = DAYS,
    until: date | None = None,
) -> Answer:
    """Within a site and queue, or of everything; so many days up to the last whole one."""
    last = until or Days(central.settings).last(central.now())
    first = last - timedelta(days=days - 1)
    with central.store.reading() as connection:
        rows = connection.execute(_told(told_day, first, last, site, queue)).all()
        causes = _causes(connection, _where(told_cause, first, last, site, queue))
        marks = _upgrades(connection, first, last, site)
        silent = _not_told(connection, rows) if site is None else []
    if not rows:
        lead = f"Nothing is said of {SMALL}, or of a day that is not over."
        return Answer("unhappy", _QUESTION, lead)
    daily = _by(rows, "day")
    calls = sum(n for _, n in daily.values())
    negative = share(sum(k for k, _ in daily.values()), calls)
    where = f" at {site}" + (f", {queue}" if queue else "") if site else ""
    lead = f"Negative{where}: {negative} of {calls} calls in {days} days."
    told = [(f"{day:%Y-%m-%d}", k, n) for day, (k, n) in daily.items()]
    tables = [
        Figures("Causes of negative calls", ("cause", "calls"), tuple(causes)),
        Figures(
            "By day",
            ("day", "calls", "negative", "share"),
            tuple((day, n, k, str(share(k, n))) for day, k, n in told),
        ),
        together([("negative", negative.value, negative.low, negative.high, negative.n)]),
    ]
    if site is None:
        tables.insert(1, _by_site(_by(rows, "site"), silent))
    elif queue is None:
        tables.insert(1, _by_queue(central, first, last, site))
    limits = list(_LIMITS)
    if len([n for _, _, n in told if n]) < BASELINE:
        limits.append(f"Control limits are drawn from {BASELINE} days with calls on.")
    chart = _control(told, {f"{day:%Y-%m-%d}": version for day, version in marks.items()})
    return Answer("unhappy", _QUESTION, lead, tuple(tables), (chart,), tuple(limits))


def _where(
    table: Any, first: date, last: date, site: str | None, queue: str | None
) -> list[ColumnElement[bool]]:
    kind = SITE if queue is None else QUEUE
    out = [table.c.kind == kind, table.c.day >= first, table.c.day <= last]
    if site is not None:
        out.append(table.c.site == site)
    if queue is not None:
        out.append(table.c.name == queue)
    return out


def _told(table: Any, first: date, last: date, site: str | None, queue: str | None) -> Any:
    judged = table.c.negative + table.c.positive + table.c.undetermined
    columns = (table.c.day, table.c.site, table.c.name)
    query = select(*columns, table.c.negative.label("k"), judged.label("n"))
    return query.where(*_where(table, first, last, site, queue)).order_by(*columns)


def _by(rows: Any, name: str) -> dict[Any, tuple[int, int]]:
    out: defaultdict[Any, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        k, n = out[getattr(row, name)]
        out[getattr(row, name)] = (k + row.k, n + row.n)
    return dict(out)


def _upgrades(connection: Connection, first: date, last: date, site: str | None) -> dict[date, str]:
    """Days on which a version was told of for the first time, after the first day of all."""
    query = (
        select(told_day.c.name, func.min(told_day.c.day).label("first"))
        .where(*_where(told_day, first, last, site, None)[1:])
        .where(told_day.c.kind == VERSION, told_day.c.name != OTHERS)
        .group_by(told_day.c.name)
    )
    found = {row.name: row.first for row in connection.execute(query)}
    begin = min(found.values(), default=first)
    return {day: version for version, day in found.items() if day != begin}


def _causes(connection: Connection, within: list[ColumnElement[bool]]) -> list[tuple[str, int]]:
    count = func.sum(told_cause.c.calls)
    query = (
        select(told_cause.c.cause, count.label("n"))
        .where(*within)
        .group_by(told_cause.c.cause)
        .order_by(count.desc(), told_cause.c.cause)
    )
    return [(row.cause, int(row.n)) for row in connection.execute(query)]


def _not_told(connection: Connection, rows: Sequence[Row[Any]]) -> list[str]:
    """Sites that are known and not told of."""
    known = set(connection.scalars(select(desk.c.site).distinct()))
    return sorted(known - {row.site for row in rows})


def _by_site(sites: dict[str, tuple[int, int]], silent: list[str]) -> Figures:
    """By name, never by share: a funnel, no ranking."""
    shape = funnel([sites[site] for site in sorted(sites)])
    rows: list[tuple[str | int, ...]] = []
    for at, site in enumerate(sorted(sites)):
        k, n = sites[site]
        within = "too few sites to say"
        if shape is not None:
            low, high = shape.limits[at]
            within = "outside" if at in shape.outside else "within"
            within += f" {low:.0%} to {high:.0%}".replace("%", " %")
        rows.append((site, n, k, str(share(k, n)), within))
    rows += [(site, "", "", SMALL, "") for site in silent]
    columns = ("site", "calls", "negative", "share", "what chance allows")
    return Figures("By site (funnel, 99.8 %)", columns, tuple(rows))


def _by_queue(central: Central, first: date, last: date, site: str) -> Figures:
    told = [told_day.c.kind == QUEUE, *_where(told_day, first, last, site, None)[1:]]
    k = func.sum(told_day.c.negative)
    n = func.sum(told_day.c.negative + told_day.c.positive + told_day.c.undetermined)
    query = select(told_day.c.name, k, n).where(*told).group_by(told_day.c.name)
    with central.store.reading() as connection:
        rows = connection.execute(query.order_by(told_day.c.name)).all()
    return Figures(
        "By queue",
        ("queue", "calls", "negative", "share"),
        tuple((name or "none", int(n), int(k), str(share(int(k), int(n)))) for name, k, n in rows),
    )


def _control(told: list[tuple[str, int, int]], marks: dict[str, str]) -> Chart:
    marked = [at for at, (day, _, _) in enumerate(told) if day in marks]
    limits = laney([(k, n) for _, k, n in told], marked[-1] if marked else None)
    points = []
    for at, (day, k, n) in enumerate(told):
        low, high = limits.limits[at] if limits else (None, None)
        outside = limits is not None and at in limits.outside
        points.append(Point(day, k / n if n else None, low, high, outside, marks.get(day, "")))
    centre = limits.centre if limits else None
    return Chart("control", "Negative share by day", tuple(points), centre)
