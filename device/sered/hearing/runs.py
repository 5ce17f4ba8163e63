"""When something sounded: stretches of line time, short pauses read over. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import islice

from sered.records import BLOCK, RATE_HZ

_BLOCK_S = BLOCK / RATE_HZ


@dataclass(slots=True)
class Runs:
    """When something sounded: runs that pauses of `gap_s` do not break."""

    gap_s: float
    runs: list[tuple[float, float]] = field(default_factory=list)

    def feed(self, now_s: float) -> None:
        """Take one block in which it sounds."""
        end_s = now_s + _BLOCK_S
        if self.runs and now_s - self.runs[-1][1] <= self.gap_s:
            self.runs[-1] = (self.runs[-1][0], end_s)
        else:
            self.runs.append((now_s, end_s))

    def between(self, start_s: float, end_s: float, least_s: float) -> bool:
        """Whether a run of so much sounds in a stretch of time."""
        first = max(bisect_left(self.runs, (start_s,)) - 1, 0)
        for start, end in islice(self.runs, first, None):
            if start >= end_s:
                break
            if end > start_s and end - start >= least_s:
                return True
        return False

    def total_s(self, least_s: float) -> float:
        """Seconds of all runs of so much."""
        return sum(end - start for start, end in self.runs if end - start >= least_s)

    def forget(self, before_s: float) -> None:
        """Leave out what was over before."""
        self.runs = [run for run in self.runs if run[1] > before_s]
