"""Is it right? Precision of the alerts that people judged, by week, cause, site and version."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central.insight.answers import Answer, Cell, Chart, Figures, Point
from sered.central.insight.figures import Share, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import call, cases, feedback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sered.central.context import Central

WEEKS = 12


def right(central: Central, weeks: int = WEEKS) -> Answer:
    """Of alerts that somebody called back about: how many were right, and how many were judged."""
    since = central.now() - timedelta(weeks=weeks)
    query = (
        select(cases.c.site, cases.c.causes, cases.c.closed_at, call.c.versions, feedback.c.verdict)
        .select_from(
            cases.outerjoin(feedback, feedback.c.call_id == cases.c.call_id).outerjoin(
                call, call.c.call_id == cases.c.call_id
            )
        )
        .where(cases.c.state == "closed", cases.c.closed_at >= since, cases.c.joined_to.is_(None))
    )
    with central.store.reading() as connection:
        rows = connection.execute(query).all()
        desks = Desks(connection, since)
    key, question = "right", "Is it right?"
    if not desks.enough():
        return Answer(key, question, f"Nothing is said of {SMALL}.")
    whole = _share(rows)
    judged = share(whole.n, len(rows))
    if not whole.n:
        lead = "No verdict was judged yet: say right or wrong when you close a case."
        return Answer(key, question, lead)
    lead = f"Right: {whole}. Judged: {judged} of the cases that were closed in {weeks} weeks."
    by_week = _by(rows, lambda row: [_week(row.closed_at)])
    tables = [_table("By week", sorted(by_week.items()))]
    tables.append(_table("By cause", _by(rows, lambda row: row.causes or ["none"]).items()))
    by_site = {
        site: found if desks.enough(site) else None
        for site, found in _by(rows, lambda row: [row.site]).items()
    }
    tables.append(_table("By site", by_site.items()))
    tables.append(_table("By version", _by(rows, lambda row: [row.versions or "?"]).items()))
    points = tuple(
        Point(week, s.value, s.low, s.high) if s.n else Point(week, None)
        for week, s in ((week, _share(found)) for week, found in sorted(by_week.items()))
    )
    limits = (
        "Cases that nobody judged may be otherwise: look at the share without feedback.",
        "Precision says nothing of calls that raised no alert: see “What do we miss?”.",
    )
    return Answer(
        key, question, lead, tuple(tables), (Chart("interval", "Right, by week", points),), limits
    )


def _share(rows: Iterable[Any]) -> Share:
    said = [row.verdict for row in rows if row.verdict in ("right", "wrong")]
    return share(said.count("right"), len(said))


def _by(rows: Iterable[Any], keys: Callable[[Any], Iterable[str]]) -> dict[str, list[Any]]:
    out: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for key in keys(row):
            out[key].append(row)
    return dict(out)


def _table(caption: str, groups: Iterable[tuple[str, list[Any] | None]]) -> Figures:
    out: list[tuple[Cell, ...]] = []
    for name, found in sorted(groups, key=lambda pair: pair[0]):
        if found is None:
            out.append((name, SMALL, "", ""))
            continue
        precision = _share(found)
        silent = sum(row.verdict is None for row in found)
        out.append((name, str(precision), len(found), str(share(silent, len(found)))))
    return Figures(caption, ("", "right", "closed", "without feedback"), tuple(out))


def _week(at: datetime) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02d}"
