"""Open hours of a team: when a span of working time is over. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(\w{3})(?:-(\w{3}))?\s+(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")
_LOOK_AHEAD_DAYS = 400
"""Longer than any run of holidays; a team that opens on none of these days never opens."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One interval of some weekdays, in the team's local time."""

    weekdays: frozenset[int]
    """0 is Monday."""
    begin: time
    end: time
    """Not after `begin`: the shift ends on the next day."""


def parse_shift(text: str) -> Shift:
    """Read `mon-fri 08:00-12:00`; `24:00` is midnight. Raises ValueError with a sentence."""
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or found[1] not in DAYS or (found[2] or "mon") not in DAYS:
        msg = f"wanted open hours such as 'mon-fri 08:00-12:00'; found {text!r}"
        raise ValueError(msg)
    first = DAYS.index(found[1])
    span = (DAYS.index(found[2]) - first) % 7 if found[2] else 0
    try:
        begin = time(int(found[3]) % 24, int(found[4]))
        end = time(int(found[5]) % 24, int(found[6]))
    except ValueError:
        msg = f"wanted times from 00:00 to 24:00; found {text!r}"
        raise ValueError(msg) from None
    return Shift(frozenset((first + n) % 7 for n in range(span + 1)), begin, end)


def after(
    start: datetime,
    open_s: float,
    shifts: Sequence[Shift],
    zone: str,
    holidays: Collection[date] = (),
) -> datetime:
    """The moment at which `open_s` seconds of open time have passed since `start` (UTC).

    Without shifts the team is always open. While it is closed nothing passes: a span that
    begins at night begins when the next shift does.
    """
    if not shifts:
        return start + timedelta(seconds=open_s)
    left = timedelta(seconds=open_s)
    for begin, end in _intervals(start, shifts, ZoneInfo(zone), holidays):
        begin_here = max(begin, start)
        if begin_here + left <= end:
            return begin_here + left
        left -= end - begin_here
    return start + timedelta(days=_LOOK_AHEAD_DAYS)


def is_open(
    at: datetime, shifts: Sequence[Shift], zone: str, holidays: Collection[date] = ()
) -> bool:
    """Whether somebody is there at `at` (UTC)."""
    if not shifts:
        return True
    begin, _ = next(_intervals(at, shifts, ZoneInfo(zone), holidays), (None, None))
    return begin is not None and begin <= at


def _intervals(
    start: datetime, shifts: Sequence[Shift], zone: ZoneInfo, holidays: Collection[date]
) -> Iterator[tuple[datetime, datetime]]:
    """Open intervals (UTC) that end after `start`, merged, in order of time."""
    # a shift over midnight may have begun the day before
    first = start.astimezone(zone).date() - timedelta(days=1)
    pending: tuple[datetime, datetime] | None = None
    for n in range(_LOOK_AHEAD_DAYS):
        day = first + timedelta(days=n)
        for begin, end in _on(day, shifts, zone, holidays):
            if end <= start:
                continue
            if pending and begin <= pending[1]:
                pending = (pending[0], max(end, pending[1]))
                continue
            if pending:
                yield pending
            pending = (begin, end)
    if pending:
        yield pending


def _on(
    day: date, shifts: Sequence[Shift], zone: ZoneInfo, holidays: Collection[date]
) -> list[tuple[datetime, datetime]]:
    if day in holidays:
        return []
    found = []
    for shift in shifts:
        if day.weekday() in shift.weekdays:
            over = day if shift.end > shift.begin else day + timedelta(days=1)
            # local to UTC: on the days when clocks change a shift is an hour shorter or longer
            begin = datetime.combine(day, shift.begin, zone).astimezone(UTC)
            found.append((begin, datetime.combine(over, shift.end, zone).astimezone(UTC)))
    return sorted(found)
