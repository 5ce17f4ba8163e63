"""How long to wait before the next try at the broker, and when to suspect a second box."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DELAYS_S = (1.0, 60.0)
"""First and longest wait before the next try."""
_STEADY_S = 10.0
"""A connection that held this long lets the waits begin anew."""
_TAKEN_OVER = 5.0
"""Times the longest wait that we leave the broker to a box that took our session."""
_RIVAL_SIGNS = 3
"""Idle connections cut young, one after the other, that make us suspect a second box."""
_YOUNG_S = 30.0
"""Seconds; two boxes that take the session from one another live shorter."""


def spread_s(
    every_s: float, *, first: bool, die: Callable[[float, float], float] = random.uniform
) -> float:
    """Until the next word of those that are said over and over; `die` gives a number between two.

    Boxes that got power at once soon speak at different times, and stay apart.
    """
    return every_s * die(*((0.1, 1.0) if first else (0.9, 1.1)))


class Backoff:
    """Waits that double with jitter and stay at the longest for ever."""

    def __init__(self, delays_s: tuple[float, float] = DELAYS_S) -> None:
        self._first, self._longest = delays_s
        self._tries = 0
        self._signs = 0

    def ended(self, lived_s: float, *, progress: bool, hung_up: bool) -> bool:
        """Take in how a try went; True: it looks as if a second box had our client id.

        `lived_s`: seconds that the connection stood, 0 for none. `progress`: something was
        acknowledged. `hung_up`: the broker ended it without a word, with nothing on its way, and
        its port stayed open.
        """
        self._tries = 0 if progress or lived_s > _STEADY_S else self._tries + 1
        self._signs = self._signs + 1 if hung_up and 0.0 < lived_s < _YOUNG_S else 0
        return self._signs >= _RIVAL_SIGNS

    def delay_s(self, *, taken_over: bool = False, told: bool = True) -> float:
        """Seconds to wait now; `told`: the broker itself said that our session was taken."""
        part = random.uniform(0.5, 1.0)  # noqa: S311 - spreads boxes, keeps no secret
        if taken_over:
            return self._longest * (_TAKEN_OVER if told else 1.0) * part
        doubled = self._first * 2.0 ** min(max(self._tries - 1, 0), 16)
        return max(self._first, min(self._longest, doubled) * part)
