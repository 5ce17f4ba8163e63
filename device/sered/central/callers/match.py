"""Which of the exchange's records a box's call is: overlap of intervals, and a box's clock. Pure.

A wrong number is a breach of privacy. So a number is taken without asking only where the box's
clock has proved itself (`estimate`: two dozen of its last calls agree on one offset), exactly one
record fits, and nothing else comes near. Everything else is a list to choose from.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SURE = 0.8
"""Intersection over union at which two intervals are the same call."""
NEAR = 0.5
"""At or above this another record is too near to decide without asking."""
LEARN_FROM = 30
"""Calls of a box from which its offset is estimated, the newest."""
AGREE = 20
"""Of these, how many must agree."""
FARTHEST_S = 900.0
"""Largest offset that is looked for."""
_WIDTH_S = 6.0
"""Calls agree when their offsets lie in a span of so many seconds."""
_SLACK_S = 15.0
"""How far the middles of a box's and an exchange's call may be apart after the shift."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a call was, in seconds of one clock (UTC)."""

    begin: float
    end: float

    @property
    def middle(self) -> float:
        """Half-way."""
        return (self.begin + self.end) / 2

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.begin

    def shifted(self, by_s: float) -> Span:
        """The same, later."""
        return Span(self.begin + by_s, self.end + by_s)


@dataclass(frozen=True, slots=True)
class Offset:
    """What a box's clock is off by."""

    seconds: float | None
    """To be added to the box's times; None: not known."""
    calls: int
    """Calls that were looked at."""
    agreeing: int
    """Calls that agree on it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a record fits a call."""

    index: int
    """Of the record among those given."""
    iou: float


def iou(one: Span, other: Span) -> float:
    """Intersection over union of two intervals, 0 to 1."""
    shared = min(one.end, other.end) - max(one.begin, other.begin)
    if shared <= 0:
        return 0.0
    return shared / (max(one.end, other.end) - min(one.begin, other.begin))


def fits(call: Span, records: Sequence[Span], offset_s: float = 0.0) -> list[Fit]:
    """Records that overlap the call after the shift, the best first."""
    moved = call.shifted(offset_s)
    found = (Fit(n, iou(moved, record)) for n, record in enumerate(records))
    return sorted((fit for fit in found if fit.iou > 0), key=lambda fit: -fit.iou)


def sure(call: Span, records: Sequence[Span], offset: Offset) -> Fit | None:
    """The one record that is this call beyond doubt; None: somebody has to choose."""
    if offset.seconds is None:
        return None
    found = fits(call, records, offset.seconds)
    if not found or found[0].iou < SURE:
        return None
    if len(found) > 1 and found[1].iou >= NEAR:
        return None
    apart = abs(call.shifted(offset.seconds).middle - records[found[0].index].middle)
    return found[0] if apart <= _SLACK_S else None


def estimate(calls: Sequence[Span], records: Sequence[Sequence[Span]]) -> Offset:
    """The offset on which most calls agree; `records` are each call's, of its extension.

    Every pair of about the same length votes for the shift that brings their middles together;
    the densest span of votes wins if enough calls stand in it and no other span comes near.
    """
    votes = sorted(_votes(calls, records))
    times = [vote for vote, _ in votes]
    spans = []
    for n, begin in enumerate(times):
        end = bisect_right(times, begin + _WIDTH_S)
        spans.append((len({call for _, call in votes[n:end]}), begin))
    if not spans:
        return Offset(None, len(calls), 0)
    most, begin = max(spans, key=lambda span: span[0])
    rivals = (n for n, at in spans if not begin - _WIDTH_S <= at <= begin + _WIDTH_S)
    if most < AGREE or max(rivals, default=0) * 2 > most:
        return Offset(None, len(calls), most)
    inside = times[bisect_left(times, begin) : bisect_right(times, begin + _WIDTH_S)]
    return Offset(inside[len(inside) // 2], len(calls), most)


def _votes(calls: Sequence[Span], records: Sequence[Sequence[Span]]) -> list[tuple[float, int]]:
    found = defaultdict(set)
    for number, (call, others) in enumerate(zip(calls, records, strict=True)):
        for record in others:
            alike = min(call.length, record.length) >= SURE * max(call.length, record.length)
            apart = record.middle - call.middle
            if alike and abs(apart) <= FARTHEST_S:
                found[number].add(apart)
    return [(apart, number) for number, all_ in found.items() for apart in all_]
