"""What may be told of a day: sums by site, queue, version and hour, each of five desks or more.

Everything that pages, views and exports say of many calls is a sum of these rows. So nobody gets
at fewer desks by asking twice and subtracting, by a narrow window, or by an hour in which one desk
was there: what is too small is told with something else (`cells`), or nowhere. A day is told when
it is over at its site: who asks every minute learns nothing of the minute between.

A call that comes in later makes its day be told anew, once a night. Whoever kept the figures of
before learns then what such calls were like; they are of all boxes that were away together.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from functools import cache
from itertools import groupby
from operator import add
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from sered.central import retention
from sered.central.insight.cells import blocks, enough, named
from sered.central.insight.days import Days
from sered.central.insight.rollup import hour_of, moment
from sered.central.store import upsert
from sered.central.store.tables import (
    call,
    day_due,
    hourly,
    hourly_cause,
    told_cause,
    told_day,
    told_hour,
    told_on,
)
from sered.central.store.tables.insight import SUMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set
    from datetime import date, datetime

    from sered.central.context import Central

    Desks = Mapping[Any, Set[tuple[str, str]]]

SITE, QUEUE, VERSION = "site", "queue", "version"
"""Kinds of groups."""
OTHERS = "others together"
"""Name of the groups that are too small; no queue and no version is called so."""
GRACE = timedelta(hours=1)
"""After midnight boxes have so long to say what they heard."""
_AT_ONCE = 50
_HOUR = timedelta(hours=1)
_TOLD = (told_day, told_hour, told_cause)
_KINDS = (SITE, QUEUE, VERSION)
_HOURS, _QUEUES, _VERSIONS = 0, 1, 2
"""Where these stand in what is read."""


def follow(central: Central) -> int:
    """Tell the days that are over and whose calls were counted since, once a night; how many."""
    now = central.now()
    days = Days(central.settings)
    whole = retention.whole_since(central.settings, now)
    with central.store.reading() as connection:
        query = select(day_due.c.day, day_due.c.site).order_by(day_due.c.day, day_due.c.site)
        due = [(row.day, row.site) for row in connection.execute(query)]
        done = {row.site: row.day for row in connection.execute(select(told_on))}
    today = {site: days.of(site, now - GRACE) for _, site in due}
    over = [(day, site) for day, site in due if day < today[site] != done.get(site)]
    for day, run in groupby(over, key=lambda each: each[0]):
        sites = [site for _, site in run]
        # of a day whose calls are partly deleted what was told is all that there is
        kept = [site for site in sites if days.begin(site, day) >= whole]
        _write(central, day, sites, kept, _read(central, days, day, kept))
    ready = [{"site": site, "day": today[site]} for site in sorted({site for _, site in over})]
    for at in range(0, len(ready), _AT_ONCE):
        with central.store.writing() as connection:
            upsert.put_all(connection, told_on, ready[at : at + _AT_ONCE], ["site"])
    return len(over)


def forget(central: Central) -> None:
    """Drop what is told of days whose calls are all there still: it is to be made anew."""
    whole = retention.whole_since(central.settings, central.now()).date() + timedelta(days=1)
    with central.store.writing() as connection:
        connection.execute(delete(told_on))
    for table in _TOLD:
        with central.store.writing() as connection:
            connection.execute(delete(table).where(table.c.day > whole))


def differences(central: Central) -> list[str]:
    """A sentence for each day of a site that is not told as its hours are counted; none: they
    agree. Days with too few desks are not told at all.
    """
    days = Days(central.settings)
    with central.store.reading() as connection:
        counted: defaultdict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
        query = select(hourly.c.hour, hourly.c.site, hourly.c.calls, hourly.c.negative)
        for row in connection.execute(query):
            sums = counted[days.of(row.site, row.hour), row.site]
            sums[:] = sums[0] + row.calls, sums[1] + row.negative
        columns = (told_day.c.day, told_day.c.site, told_day.c.calls, told_day.c.negative)
        told: defaultdict[tuple[str, date, str], list[int]] = defaultdict(lambda: [0, 0])
        for kind, day, site, calls, negative in connection.execute(
            select(told_day.c.kind, *columns)
        ):
            sums = told[kind, day, site]
            sums[:] = sums[0] + calls, sums[1] + negative
        waiting = {(r.day, r.site) for r in connection.execute(select(day_due))}
    return [
        f"{day} at {site}: {sums[0]} calls told by {kind}, {counted[day, site][0]} counted"
        for (kind, day, site), sums in sorted(told.items())
        if sums != counted[day, site] and (day, site) not in waiting
    ]


class _Read:
    """Of a day by site: which desks had calls when, and what is counted of them.

    `desks`: (hour, queue, versions, desk); `counts`: (hour, queue, versions, sums as in SUMS);
    `causes`: (queue, cause, calls).
    """

    def __init__(self) -> None:
        self.desks: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.counts: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.causes: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)


def _read(central: Central, days: Days, day: date, sites: list[str]) -> _Read:
    found, mine = _Read(), set(sites)
    if not sites:
        return found
    # an hour more at both ends: where midnight is at no full hour, the hour's beginning decides
    begin = min(days.begin(site, day) for site in sites) - _HOUR
    end = max(days.begin(site, day + timedelta(days=1)) for site in sites) + _HOUR

    @cache
    def is_asked(hour: datetime | str, site: str) -> bool:
        return site in mine and days.of(site, moment(hour)) == day

    place = (call.c.queue, call.c.versions, call.c.device, call.c.line)
    hour = hour_of(central)
    seen = select(hour, call.c.site, *place).distinct()
    of = hourly.c
    counts = select(of.hour, of.site, of.queue, of.versions, *(of[name] for name in SUMS))
    why = hourly_cause.c
    causes = select(why.hour, why.site, why.queue, why.cause, why.calls)
    with central.store.reading() as connection:
        at = call.c.ended_at
        for hour_, site, queue, versions, *desk in connection.execute(
            seen.where(at >= begin, at < end)
        ):
            if is_asked(hour_, site):
                found.desks[site].append((moment(hour_), queue, versions, tuple(desk)))
        for hour_, site, queue, versions, *sums in connection.execute(
            counts.where(of.hour >= begin, of.hour < end)
        ):
            if is_asked(hour_, site):
                found.counts[site].append((hour_, queue, versions, sums))
        for hour_, site, *rest in connection.execute(
            causes.where(why.hour >= begin, why.hour < end)
        ):
            if is_asked(hour_, site):
                found.causes[site].append(tuple(rest))
    return found


def _write(central: Central, day: date, sites: list[str], kept: list[str], found: _Read) -> None:
    """Replace what is told of the kept sites' day, and strike the day from what is due."""
    fresh = set(kept)
    for at in range(0, len(sites), _AT_ONCE):
        run = sites[at : at + _AT_ONCE]
        some = [site for site in run if site in fresh]
        rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in _TOLD}
        for site in some:
            for name, made in _of_site({"day": day, "site": site}, found):
                rows[name].append(made)
        with central.store.writing() as connection:
            for table in _TOLD:
                old = delete(table).where(table.c.day == day, table.c.site.in_(some))
                if table is not told_hour:
                    # the key begins with it: without, all days are looked at
                    old = old.where(table.c.kind.in_(_KINDS))
                connection.execute(old)
                if rows[table.name]:
                    connection.execute(insert(table), rows[table.name])
            done = delete(day_due).where(day_due.c.day == day, day_due.c.site.in_(run))
            connection.execute(done)


def _of_site(where: dict[str, Any], found: _Read) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows by table, of one site's day."""
    site = where["site"]
    seen, counts, causes = found.desks[site], found.counts[site], found.causes[site]
    hours = _desks(_HOURS, counts, seen)
    if not enough(hours):
        return
    of_queue = _labels(_desks(_QUEUES, counts, seen))
    of_version = _labels(_desks(_VERSIONS, counts, seen))
    for kind, sums_by in (
        (SITE, _summed(counts, _QUEUES, dict.fromkeys(of_queue, ""))),
        (QUEUE, _summed(counts, _QUEUES, of_queue)),
        (VERSION, _summed(counts, _VERSIONS, of_version)),
    ):
        for name, sums in sums_by.items():
            yield "told_day", where | {"kind": kind, "name": name} | sums
    block = blocks([(at, hours[at]) for at in sorted(hours)])
    # as long as its last hour with calls; between blocks there were none
    spans = {first: int((at - first) / _HOUR) + 1 for at, first in sorted(block.items())}
    for first, sums in _summed(counts, _HOURS, block).items():
        yield "told_hour", where | {"hour": first, "hours": spans[first]} | sums
    n: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for queue, cause, calls in causes:
        n[SITE, "", cause] += calls
        n[QUEUE, of_queue.get(queue, OTHERS), cause] += calls
    for (kind, name, cause), calls in n.items():
        said = {"kind": kind, "name": name, "cause": cause, "calls": calls}
        yield "told_cause", where | said


def _desks(column: int, counts: list[Any], seen: list[Any]) -> Desks:
    out: dict[Any, set[tuple[str, str]]] = {row[column]: set() for row in counts}
    for row in seen:
        out.setdefault(row[column], set()).add(row[3])
    return out


def _labels(groups: Desks) -> dict[Any, Any]:
    by_name = named(groups)
    return {key: key if key in by_name else OTHERS for key in groups}


def _summed(counts: list[Any], column: int, label: Mapping[Any, Any]) -> dict[Any, dict[str, Any]]:
    out: dict[Any, list[float]] = {}
    for row in counts:
        name = label[row[column]]
        before = out.get(name)
        out[name] = list(map(add, before, row[3])) if before else row[3]
    return {name: dict(zip(SUMS, sums, strict=True)) for name, sums in out.items()}
