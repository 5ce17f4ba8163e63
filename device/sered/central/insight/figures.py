"""Shares with intervals, control limits, funnels, sample sizes. Pure; scipy does the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist, mean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95
FEW = 30
"""Of fewer nothing is said in per cent."""
BASELINE = 20
"""Periods from which control limits may be drawn."""
_D2 = 1.128
"""Mean range of two from one normal distribution, in standard deviations (moving range of 2)."""
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with its 95 % interval (Wilson)."""

    k: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """0 to 1; None: of none."""
        return self.k / self.n if self.n else None

    def __str__(self) -> str:
        """`8 of 12`; from thirty on `80 % (72 to 86 %)`."""
        if self.n < FEW:
            return f"{self.k} of {self.n}"
        value, low, high = (100 * x for x in (self.k / self.n, self.low, self.high))
        return f"{value:.0f} % ({low:.0f} to {high:.0f} %)"


@lru_cache(maxsize=4096)
def share(k: int, n: int) -> Share:
    """The Wilson interval, as scipy computes it; of none it is everything."""
    if n <= 0:
        return Share(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest  # noqa: PLC0415 - 30 MB, for those who look only

    found = binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return Share(k, n, float(found.low), float(found.high))


def weighted_share(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float, float] | None:
    """Share of the true among (weight, true), with its interval; None: of none.

    Wilson's with the effective number of Kish: unequal weights tell as much as fewer equal ones.
    """
    total = sum(weight for weight, _ in pairs)
    if not total:
        return None
    value = sum(weight for weight, true in pairs if true) / total
    effective = total**2 / sum(weight**2 for weight, _ in pairs)
    low, high = _wilson(value, effective)
    return value, low, high


def difference(one: Share, two: Share) -> tuple[float, float, float] | None:
    """How much more `one` is than `two`, with its interval (Newcombe's hybrid of two Wilsons)."""
    if one.value is None or two.value is None:
        return None
    d = one.value - two.value
    below = math.hypot(one.value - one.low, two.high - two.value)
    above = math.hypot(one.high - one.value, two.value - two.low)
    return d, max(d - below, -1.0), min(d + above, 1.0)


def stratified_difference(
    strata: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> tuple[float, float, float] | None:
    """How much more the first of each pair of (k, n) is, over strata, with its interval.

    Mantel and Haenszel's risk difference with the variance of Greenland and Robins (Biometrics 41
    (1985) 55-68): strata of other shares and sizes do not pass for an effect. None: of none.
    """
    used = [pair for pair in strata if pair[0][1] and pair[1][1]]
    if not used:
        return None
    total = above = variance = 0.0
    for (k1, n1), (k0, n0) in used:
        n = n1 + n0
        total += n1 * n0 / n
        above += (k1 * n0 - k0 * n1) / n
        variance += (k1 * (n1 - k1) * n0**3 + k0 * (n0 - k0) * n1**3) / (n1 * n0 * n**2)
    d = above / total
    wide = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2) * math.sqrt(variance) / total
    return d, max(d - wide, -1.0), min(d + wide, 1.0)


@dataclass(frozen=True, slots=True)
class Control:
    """A Laney p' chart: limits that allow for days that differ by more than chance."""

    centre: float
    sigma_z: float
    """How much wider the limits are than those of a p chart."""
    limits: tuple[tuple[float, float], ...]
    """Of each period."""
    outside: tuple[int, ...]
    """Periods that lie outside."""


def laney(periods: Sequence[tuple[int, int]], before: int | None = None) -> Control | None:
    """Of (k, n) a period; None under BASELINE periods with calls, or where nothing varies.

    `before`: limits come from the periods before this one alone, where these are enough: a lasting
    change must not widen the limits that it is held against.
    """
    used = [(k, n) for k, n in periods[:before] if n]
    if before is not None and len(used) < BASELINE:
        return laney(periods)
    if len(used) < BASELINE:
        return None
    centre = sum(k for k, _ in used) / sum(n for _, n in used)
    if not 0.0 < centre < 1.0:
        return None
    scores = [(k / n - centre) / math.sqrt(centre * (1 - centre) / n) for k, n in used]
    moves = [abs(b - a) for a, b in pairwise(scores)]
    sigma_z = mean(moves) / _D2
    limits, outside = [], []
    for at, (k, n) in enumerate(periods):
        wide = _SIGMAS * sigma_z * math.sqrt(centre * (1 - centre) / n) if n else 1.0
        low, high = max(centre - wide, 0.0), min(centre + wide, 1.0)
        limits.append((low, high))
        if n and not low <= k / n <= high:
            outside.append(at)
    return Control(centre, sigma_z, tuple(limits), tuple(outside))


@dataclass(frozen=True, slots=True)
class Funnel:
    """Groups beside all together; there is no ranking in it."""

    centre: float
    spread: float
    """How much wider the limits are because groups differ by more than chance; at least 1."""
    limits: tuple[tuple[float, float], ...]
    outside: tuple[int, ...]


def funnel(groups: Sequence[tuple[int, int]]) -> Funnel | None:
    """Limits (99.8 %) a group of (k, n); None for fewer than three groups with calls."""
    used = [(k, n) for k, n in groups if n]
    total = sum(n for _, n in used)
    centre = sum(k for k, _ in used) / total if total else 0.0
    if len(used) < 3 or not 0.0 < centre < 1.0:
        return None
    scores = sorted((k / n - centre) / math.sqrt(centre * (1 - centre) / n) for k, n in used)
    # winsorised: a group that is really different must not widen its own limits; of three groups
    # nobody can say which one that is
    cut = max(len(scores) // 10, int(len(scores) > 3))
    kept = [min(max(z, scores[cut]), scores[-1 - cut]) for z in scores]
    spread = max(1.0, math.sqrt(mean(z * z for z in kept)))
    z = NormalDist().inv_cdf(0.999)
    limits, outside = [], []
    for at, (k, n) in enumerate(groups):
        wide = z * spread * math.sqrt(centre * (1 - centre) / n) if n else 1.0
        low, high = max(centre - wide, 0.0), min(centre + wide, 1.0)
        limits.append((low, high))
        if n and not low <= k / n <= high:
            outside.append(at)
    return Funnel(centre, spread, tuple(limits), tuple(outside))


def sample_size(p0: float, p1: float, power: float = 0.8) -> int:
    """Calls in each of two equal groups to tell `p1` from `p0` (two-sided 5 %, unpooled)."""
    if p0 == p1 or not (0 <= p0 <= 1 and 0 <= p1 <= 1):
        msg = "wanted two different shares from 0 to 1"
        raise ValueError(msg)
    normal = NormalDist()
    z = normal.inv_cdf(1 - (1 - LEVEL) / 2) + normal.inv_cdf(power)
    return math.ceil(z**2 * (p0 * (1 - p0) + p1 * (1 - p1)) / (p1 - p0) ** 2)


def _wilson(value: float, n: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
