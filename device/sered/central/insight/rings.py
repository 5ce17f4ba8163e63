"""Rings of boxes that get a version one after the other: their figures, read from the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, tuple_

from sered.central.cases.around import SILENT_AFTER
from sered.central.errors import InputError
from sered.central.insight.ring_advice import Advice, Fleet, RingFigures, Span, advise
from sered.central.insight.rollup import hour_of, moment
from sered.central.store.tables import call, device, hourly

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.context import Central

DAYS = 28
"""How far back an upgrade and the time before it are looked for."""
_AT_ONCE = 300
Key = tuple[str, str]
"""Site and device."""


@dataclass(frozen=True, slots=True)
class _Seen:
    boxes: dict[Key, Any]
    """Rows of all boxes that were heard of."""
    rows: list[Any]
    """Counts of the ring's calls by box, hour and version."""
    now: datetime
    since: datetime


def rings(central: Central) -> list[tuple[RingFigures, Advice]]:
    """Every [[ring]] of the configuration with what central advises, in its order."""
    return [(found, advise(found)) for found in _figures(central)]


def ring(central: Central, name: str) -> tuple[RingFigures, Advice]:
    """One of them; raises InputError where there is none of that name."""
    known = [one.name for one in central.settings.ring]
    if name not in known:
        named = ", ".join(known) or "none yet; docs/fleet.md shows how to name one"
        msg = f"There is no [[ring]] {name} in central.toml; known: {named}."
        raise InputError(msg)
    found = _figures(central)[known.index(name)]
    return found, advise(found)


def members(patterns: Sequence[tuple[str, Sequence[str]]], boxes: Iterable[Key]) -> dict[Key, str]:
    """The ring of each box: the first that names it, so that no two rings differ by one desk."""
    found = {}
    for box in boxes:
        for name, each in patterns:
            if any(fnmatchcase("/".join(box), pattern) for pattern in each):
                found[box] = name
                break
    return found


def _figures(central: Central) -> list[RingFigures]:
    named = central.settings.ring
    if not named:
        return []
    now = central.now()
    since = (now - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    with central.store.reading() as connection:
        heard = select(device).where(device.c.last_seen >= since)
        boxes = {(row.site, row.device): row for row in connection.execute(heard)}
        of = members([(one.name, one.boxes) for one in named], boxes)
        out = []
        for one in named:
            mine = sorted(box for box, name in of.items() if name == one.name)
            seen = _Seen(boxes, _calls(central, connection, mine, since), now, since)
            out.append(_ring(connection, one.name, mine, seen))
    return out


def _calls(
    central: Central, connection: Connection, boxes: list[Key], since: datetime
) -> list[Any]:
    """Counts by box, hour and version, of whole hours, which are those that others have, too."""
    end = central.now().replace(minute=0, second=0, microsecond=0)
    hour = hour_of(central)
    version, box = call.c.versions, (call.c.site, call.c.device)
    without = call.c.category.is_(None) & call.c.undetermined.is_not(None)
    query = (
        select(
            hour.label("hour"),
            *box,
            version,
            func.count().label("calls"),
            func.sum(case((call.c.escalate, 1), else_=0)).label("escalate"),
            func.sum(case((without, 1), else_=0)).label("undetermined"),
            func.sum(call.c.lost_s).label("lost_s"),
            func.sum(call.c.duration_s).label("duration_s"),
            func.max(call.c.ended_at).label("last"),
        )
        .where(call.c.ended_at >= since, call.c.ended_at < end)
        .group_by(hour, *box, version)
    )
    found: list[Any] = []
    for run in range(0, len(boxes), _AT_ONCE):
        these = tuple_(*box).in_(boxes[run : run + _AT_ONCE])
        found += connection.execute(query.where(these))
    return found


def _ring(connection: Connection, name: str, mine: list[Key], seen: _Seen) -> RingFigures:
    rows, boxes = seen.rows, seen.boxes
    first: dict[str, datetime] = {}
    for row in rows:
        at = moment(row.hour)
        first[_sered(row)] = min(at, first.get(_sered(row), at))
    stated = {box: str((row.versions or {}).get("sered") or "") for box, row in boxes.items()}
    fresh = sorted({stated[box] for box in mine} - {""} - first.keys())
    version = fresh[-1] if fresh else max(first, key=lambda each: first[each], default=None)
    if len(first.keys() | set(fresh)) < 2:
        version = None
    # a version without calls so far has all that there is before it
    cut = first.get(version or "", seen.now)
    before = [row for row in rows if _sered(row) != version and moment(row.hour) < cut]
    mixed = [row for row in rows if _sered(row) != version and moment(row.hour) >= cut]
    after = [row for row in rows if _sered(row) == version]
    outside = [box for box in boxes if box not in set(mine) and stated[box] != version]
    totals = _totals(connection, version, seen.since, cut)
    return RingFigures(
        name,
        len(mine),
        version,
        _went_back(rows, version),
        _fleet((boxes[box] for box in mine if stated[box] == version), seen.now),
        _fleet((boxes[box] for box in outside), seen.now),
        _span(before),
        _span(after),
        _less(totals[0], _span(before), len(outside)),
        _less(totals[1], _span(mixed), len(outside)),
    )


def _sered(row: Any) -> str:
    return str(row.versions).partition(" ")[0]


def _went_back(rows: list[Any], version: str | None) -> int:
    last: dict[tuple[Key, bool], datetime] = {}
    for row in rows:
        key = (row.site, row.device), _sered(row) == version
        at = moment(row.last)
        last[key] = max(at, last.get(key, at))
    return sum(
        (box, False) in last and last[box, False] > at for (box, new), at in last.items() if new
    )


def _fleet(found: Iterable[Any], now: datetime) -> Fleet:
    states = [now - row.last_seen > SILENT_AFTER or row.state != "online" for row in found]
    return Fleet(len(states), sum(states))


def _span(rows: list[Any]) -> Span:
    return Span(
        len({(row.site, row.device) for row in rows}),
        sum(int(row.calls) for row in rows),
        sum(int(row.escalate) for row in rows),
        sum(int(row.undetermined) for row in rows),
        sum(float(row.lost_s) for row in rows),
        sum(float(row.duration_s) for row in rows),
    )


def _totals(
    connection: Connection, version: str | None, since: datetime, cut: datetime
) -> list[Any]:
    """Everybody's counts with another version, before `cut` and from then on."""
    names = ("calls", "escalate", "undetermined", "lost_s", "duration_s")
    sums = [func.coalesce(func.sum(hourly.c[name]), 0).label(name) for name in names]
    other = hourly.c.versions != (version or "")
    if version:
        other &= ~hourly.c.versions.startswith(version + " ", autoescape=True)
    return [
        connection.execute(select(*sums).where(other, when)).one()
        for when in ((hourly.c.hour >= since) & (hourly.c.hour < cut), hourly.c.hour >= cut)
    ]


def _less(total: Any, mine: Span, boxes: int) -> Span:
    """What is left of everybody's counts; a minute's calls may not be among them yet."""
    return Span(
        boxes,
        max(int(total.calls) - mine.calls, 0),
        max(int(total.escalate) - mine.alerts, 0),
        max(int(total.undetermined) - mine.undetermined, 0),
        max(float(total.lost_s) - mine.lost_s, 0.0),
        max(float(total.duration_s) - mine.duration_s, 0.0),
    )
