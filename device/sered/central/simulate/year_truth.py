"""What is true in the simulated year, and how it follows: shares to hold the pages against. Pure.

How unhappy a customer is depends on the score alone, by the odds that a box states (`box_odds`);
where a site is mis-calibrated its customers follow other odds. The score is a mixture of calm and
angry calls. Shares over a threshold are integrals over it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

SLOPE = 4.0
"""Of the log-odds over the score before it saturates, as a box states them; their offset follows
from PRECISION."""
PRECISION = 0.8
"""Of alerts at or under ESCALATE, on a site that is well calibrated."""
ESCALATE = -0.55
"""Score from which these boxes ask for a call back: their sites' choice, not sered's default."""
NEGATIVE_AT, POSITIVE_AT = -0.35, 0.15
SEVERE_AT = -0.75
UPGRADE = 0.92
"""Part of the year after which sites run AFTER."""
BEFORE, AFTER = "0.3.0 1f3c9a20 small-en 7d10", "0.4.0 88e07b41 small-en 7d10"
REACHED, SOON_SEVERE, SOON_OTHERS = 0.95, 0.7, 0.4
EFFECT = -0.12
"""What a call back within five minutes does to the chance that the caller rings again."""
AGAIN_SEVERE, AGAIN_OTHERS = 0.42, 0.27
"""That chance without it."""
CALLED_LESS = EFFECT * REACHED * SOON_OTHERS
"""What calling does to those of low severity as a whole: not everybody is reached, or soon."""
_ANGRY, _CENTRE, _SPREAD = 0.1, -0.7, 0.18
"""Share, centre and spread of angry calls' scores."""
_CALM = (0.3, 0.28)
_STEPS = 4000


@dataclass(frozen=True, slots=True)
class World:
    """How scores are spread at a site, and how its customers feel at a score."""

    offset: float
    """Of the true log-odds; `stated()` where the site is well calibrated."""

    def draw(self, random: Random) -> float:
        """A call's score."""
        angry = random.random() < _ANGRY
        found = random.gauss(_CENTRE, _SPREAD) if angry else random.gauss(*_CALM)
        return max(-1.0, min(1.0, found))

    def unhappy(self, score: float) -> float:
        """Chance that the customer of such a call is unhappy."""
        return _sigmoid(self.offset - SLOPE * drive(score))

    def share(self, low: float, high: float) -> float:
        """Of calls with a score in (low, high], how many customers are unhappy."""
        return _share(self.offset, low, high)

    def below(self, score: float) -> float:
        """Share of calls at or under a score."""
        return sum(weight for _, weight in _grid(-1.0, score))


@dataclass(frozen=True, slots=True)
class Plan:
    """One site's year."""

    site: str
    desks: int = 8
    calls_a_day: float = 40.0
    queues: tuple[str, ...] = ("billing", "service")
    threshold: float = ESCALATE
    shifted: float = 0.0
    """How far the true offset lies from the one that the box states; 0: well calibrated."""
    broken_from: float = 2.0
    """Part of the year after which the site's boxes hear anger in calm voices; 2: never."""
    broken_share: float = 0.2
    """Of its calls then."""
    courtesy_a_week: int = 20
    upgraded: bool = True
    """Whether it runs AFTER from UPGRADE on."""

    @property
    def world(self) -> World:
        """Scores and feelings of the site."""
        return World(stated() + self.shifted)

    def precision(self, held: float = 0.0, *, broken: bool = False) -> float:
        """Of alerts that are called back, where so many of low severity are held out by lot.

        Whoever is held out is judged by nobody, and alerts of low severity are wrong more often.
        While it is broken false ones come besides.
        """
        world, false = self.world, NormalDist(-0.75, 0.12)
        real = 1 - self.broken_share if broken else 1.0
        bounds = (-1.0, min(SEVERE_AT, self.threshold), self.threshold)
        whole = world.share(-1.0, 1.0)
        right = alerts = 0.0
        for (low, high), called in zip(pairwise(bounds), (1.0, 1.0 - held), strict=True):
            if low == high:
                continue
            mass = world.below(high) - (world.below(low) if low > -1.0 else 0.0)
            mass *= real * called
            more = false.cdf(high) - (false.cdf(low) if low > -1.0 else 0.0)
            more *= self.broken_share * called if broken else 0.0
            right += mass * world.share(low, high) + more * whole
            alerts += mass + more
        return right / alerts

    @property
    def negative(self) -> float:
        """Of calls, how many the box calls negative, while nothing is broken."""
        return self.world.below(NEGATIVE_AT)

    @property
    def missed(self) -> float:
        """Of calls without an alert, how many customers are unhappy."""
        return self.world.share(self.threshold, 1.0)

    @property
    def alerts_a_day(self) -> float:
        """While nothing is broken."""
        return self.calls_a_day * self.world.below(self.threshold)


PLANS = (
    Plan("berlin"),
    Plan("hamburg", broken_from=UPGRADE),
    Plan("koeln", threshold=-0.2),
    Plan("leipzig", shifted=-1.5, upgraded=False),
)
"""A good site, one that the upgrade breaks, too loose a threshold, a mis-calibrated one that has
not been upgraded, so that a year's feedback is of what judges there.
"""
SMALL = (Plan("berlin", desks=6, calls_a_day=16.0),)
"""One small site, of which many years are filled."""


def box_odds(score: float) -> float:
    """P(negative) that the box states."""
    return _sigmoid(stated() - SLOPE * drive(score))


def again(severe: bool, *, soon: bool) -> float:  # noqa: FBT001 - a property of the case
    """Chance that a caller rings again within seven days."""
    return (AGAIN_SEVERE if severe else AGAIN_OTHERS) + (EFFECT if soon else 0.0)


def drive(score: float) -> float:
    """The score before it saturates."""
    return math.atanh(max(-0.999999, min(0.999999, score)))


@cache
def stated() -> float:
    """The offset that a box states, and for which PRECISION is true; found by halving."""
    low, high = -8.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        if World(middle).share(-1.0, ESCALATE) > PRECISION:
            high = middle
        else:
            low = middle
    return (low + high) / 2


@cache
def _share(offset: float, low: float, high: float) -> float:
    inside = felt = 0.0
    for at, weight in _grid(low, high):
        inside += weight
        felt += weight * _sigmoid(offset - SLOPE * drive(at))
    return felt / inside


@cache
def _grid(low: float, high: float) -> list[tuple[float, float]]:
    """Scores in (low, high] and how many calls have about each."""
    parts = ((_ANGRY, NormalDist(_CENTRE, _SPREAD)), (1 - _ANGRY, NormalDist(*_CALM)))

    def mass(a: float, b: float) -> float:
        return sum(share * (kind.cdf(b) - kind.cdf(a)) for share, kind in parts)

    step = (high - low) / _STEPS
    edges = [low + step * n for n in range(_STEPS + 1)]
    grid = [((a + b) / 2, mass(a, b)) for a, b in pairwise(edges)]
    # what lies beyond a score's ends is drawn onto them
    if low <= -1.0:
        grid.append((-1.0, mass(-9.0, -1.0)))
    if high >= 1.0:
        grid.append((1.0, mass(1.0, 9.0)))
    return grid


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
