"""Which week a site's cases are told in: a week in which fewer than five desks worked has no row.

Its cases are told with those of the next week that had them, the last ones with the week before;
so that no row, and no difference of rows, is of a desk that was there alone between the years. A
week had five desks where a day of it is told (`told`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from sered.central.insight.told import SITE
from sered.central.store.tables import told_day

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

WEEK = timedelta(weeks=1)


class Weeks:
    """The weeks, by their Mondays, since one that may be told by themselves at each site."""

    def __init__(self, connection: Connection, since: date) -> None:
        first = monday(since)
        query = select(told_day.c.site, told_day.c.day).where(
            told_day.c.kind == SITE, told_day.c.day >= first
        )
        found: defaultdict[str, set[date]] = defaultdict(set)
        for site, day in connection.execute(query):
            found[site].add(monday(day))
        self._first = first
        self._told = {site: sorted(weeks) for site, weeks in found.items()}

    def of(self, site: str, day: date) -> date:
        """The week in which a day's cases are told."""
        told = self._told.get(site, [self._first])
        return told[min(bisect_left(told, monday(day)), len(told) - 1)]

    def begins(self, week: date) -> dict[str, date]:
        """By site that is told of in this week the Monday from which its cases are."""
        out = {}
        for site, told in self._told.items():
            at = bisect_left(told, week)
            if told[at : at + 1] == [week]:
                out[site] = told[at - 1] + WEEK if at else week
        return out


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())
