"""Today: what is open, on time and late, by team."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.cases.machine import OPEN
from sered.central.insight.answers import Answer, Chart, Figures, Point
from sered.central.insight.figures import share
from sered.central.store.tables import cases

if TYPE_CHECKING:
    from datetime import datetime

    from sered.central.context import Central


def today(central: Central, since: datetime) -> Answer:
    """Since `since`, the board's midnight."""
    now = central.now()
    when = func.coalesce(cases.c.called_at, cases.c.closed_at)
    closed = (cases.c.state == "closed") & (cases.c.closed_at >= since)
    is_open = cases.c.state.in_(OPEN) & cases.c.joined_to.is_(None)
    query = (
        select(
            cases.c.team,
            func.count().filter(is_open).label("open"),
            func.count().filter(is_open & (cases.c.due_at < now)).label("late"),
            func.count().filter(closed).label("closed"),
            func.count().filter(closed & (when <= cases.c.due_at)).label("on_time"),
        )
        .where(is_open | closed)
        .group_by(cases.c.team)
        .order_by(cases.c.team)
    )
    with central.store.reading() as connection:
        rows = connection.execute(query).all()
    total = share(sum(row.on_time for row in rows), sum(row.closed for row in rows))
    opened, late = sum(row.open for row in rows), sum(row.late for row in rows)
    lead = f"{opened} open, {late} of them late. On time today: {total}."
    table = tuple(
        (row.team, row.open, row.late, row.closed, str(share(row.on_time, row.closed)))
        for row in rows
    )
    points = tuple(Point(row.team, float(row.open)) for row in rows)
    return Answer(
        "today",
        "Where do we stand today?",
        lead,
        (Figures("By team", ("team", "open", "late", "closed today", "on time"), table),),
        (Chart("bars", "Open cases by team", points),) if points else (),
    )
