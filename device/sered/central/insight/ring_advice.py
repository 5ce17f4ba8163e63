"""Go, wait or stop for a ring of boxes that was upgraded: figures in, advice with reasons out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sered.central.insight.cells import FEWEST
from sered.central.insight.figures import difference, share
from sered.central.insight.groups import SMALL

FEW_CALLS = 100
"""Calls before and after, in the ring and outside; of fewer no share is compared."""
ALERTS_MOVED = 0.03
"""A move of the alerts' share that matters, where one call in ten to twenty is an alert."""
UNDETERMINED_MOVED = 0.05
"""The same for the share of calls without a verdict."""
LOST_S = 10.0
"""Lost sound an hour of calls, in seconds, below which nobody misses a word."""
LOST_TIMES = 3.0
"""How many times as much as before, and as elsewhere, is the upgrade's doing."""
Word = Literal["go", "wait", "stop"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Boxes as they are now."""

    boxes: int
    troubled: int
    """Of them degraded, offline or silent."""


@dataclass(frozen=True, slots=True)
class Span:
    """Calls of many boxes over a time."""

    boxes: int
    """Boxes that had calls."""
    calls: int
    alerts: int
    undetermined: int
    lost_s: float
    duration_s: float

    @property
    def lost_an_hour(self) -> float:
        """Lost sound in seconds an hour of calls."""
        return self.lost_s * 3600.0 / self.duration_s if self.duration_s else 0.0


@dataclass(frozen=True, slots=True)
class RingFigures:
    """A ring that was upgraded, and the boxes outside that were not."""

    name: str
    boxes: int
    """Boxes of the ring that central has heard of."""
    version: str | None
    """The version that came last into the ring; None: none came lately."""
    went_back: int
    """Boxes of the ring whose calls were of that version, and are of another one again."""
    mine: Fleet
    """Boxes of the ring that run it."""
    others: Fleet
    """Boxes outside that run another version."""
    before: Span
    after: Span
    others_before: Span
    others_after: Span


@dataclass(frozen=True, slots=True)
class Advice:
    """What central thinks of giving the version to the next ring."""

    word: Word
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.word}: {'; '.join(self.reasons)}."


def _boxes(count: int) -> str:
    return "1 box" if count == 1 else f"{count} boxes"


def advise(ring: RingFigures) -> Advice:
    """Stop where something is worse beyond chance, go where nothing that matters can be, else wait.

    A ring of fewer than five boxes is never let go on, and nothing is said of its calls.
    """
    if ring.version is None:
        return Advice("wait", (f"no version came into the ring of {_boxes(ring.boxes)} lately",))
    found = [_went_back(ring), _state(ring), _lost(ring), *_calls(ring)]
    said = [one for one in found if one is not None]
    for word in ("stop", "wait"):
        if reasons := tuple(reason for of, reason in said if of == word):
            return Advice(word, reasons)
    return Advice("go", tuple(reason for _, reason in said))


def _went_back(ring: RingFigures) -> tuple[Word, str] | None:
    if not ring.went_back:
        return None
    return "stop", f"{ring.went_back} of {ring.boxes} boxes went back from {ring.version}"


def _state(ring: RingFigures) -> tuple[Word, str]:
    mine, others = ring.mine, ring.others
    said = (
        f"{mine.troubled} of {mine.boxes} boxes with {ring.version} are degraded or away, "
        f"{others.troubled} of {others.boxes} of the others"
    )
    more = difference(share(mine.troubled, mine.boxes), share(others.troubled, others.boxes))
    if more is not None and more[1] > 0.0:
        return "stop", said
    if mine.boxes < FEWEST:
        few = f"{mine.boxes} of {ring.boxes} boxes run {ring.version}, wanted at least {FEWEST}"
        return "wait", f"{few}; {said}"
    if more is None:
        return "wait", f"{said}: nobody to compare with"
    if mine.troubled > 1 and more[0] > 0.0:
        return "wait", f"{said}, which may be chance"
    return "go", said


def _lost(ring: RingFigures) -> tuple[Word, str] | None:
    if min(ring.before.calls, ring.after.calls, ring.others_after.calls) < FEW_CALLS:
        return None
    after, before = ring.after.lost_an_hour, ring.before.lost_an_hour
    others = ring.others_after.lost_an_hour
    said = (
        f"{after:.1f} s of sound an hour were lost, {before:.1f} s before and {others:.1f} s by "
        "the others"
    )
    worse = after > LOST_S and after > LOST_TIMES * max(before, others)
    return ("stop" if worse else "go"), said


def _calls(ring: RingFigures) -> list[tuple[Word, str]]:
    spans = (ring.before, ring.after, ring.others_before, ring.others_after)
    if min(span.boxes for span in spans) < FEWEST:
        return [("wait", f"nothing is said of the calls of {SMALL}")]
    if min(span.calls for span in spans) < FEW_CALLS:
        told = (
            f"{ring.after.calls} calls since then and {ring.before.calls} before, "
            f"{ring.others_after.calls} and {ring.others_before.calls} by the others"
        )
        return [("wait", f"{told}: wanted {FEW_CALLS} of each")]
    alerts = [(span.alerts, span.calls) for span in spans]
    without = [(span.undetermined, span.calls) for span in spans]
    return [
        _moved("alerts", alerts, ALERTS_MOVED),
        _moved("calls without a verdict", without, UNDETERMINED_MOVED),
    ]


def _moved(what: str, spans: list[tuple[int, int]], matters: float) -> tuple[Word, str]:
    value, low, high = moved(spans)
    said = (
        f"the share of {what} moved by {value * 100:+.1f} percentage points against the others "
        f"(95 %: {low * 100:+.1f} to {high * 100:+.1f})"
    )
    if abs(value) > matters and (low > 0.0 or high < 0.0):
        return "stop", said
    if -matters <= low and high <= matters:
        return "go", said
    return "wait", f"{said}, and up to {matters * 100:.0f} would do no harm"


def moved(spans: list[tuple[int, int]]) -> tuple[float, float, float]:
    """How much more a share rose in the ring than outside, with its 95 % interval.

    `spans`: (k, n) of the ring before and after, of the others before and after, none of them
    empty. The interval squares and adds those of both rises (MOVER: Zou and Donner, Statistics in
    Medicine 27 (2008) 1693-1702), which are Newcombe's.
    """
    before, after, others_before, others_after = (share(k, n) for k, n in spans)
    mine, others = difference(after, before), difference(others_after, others_before)
    assert mine is not None
    assert others is not None
    value = mine[0] - others[0]
    below = math.hypot(mine[0] - mine[1], others[2] - others[0])
    above = math.hypot(mine[2] - mine[0], others[0] - others[1])
    return value, value - below, value + above
