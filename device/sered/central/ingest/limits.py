"""How much one box may say: counted by the hour that its messages speak of. Pure.

A box that was away for a month delivers a month at once, and all of it is taken: its calls lie in
many hours. A box that says a thousand calls of one hour is broken or hostile.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_REMEMBERED = 200_000
"""Counters that are kept; the ones not used for longest go first."""


class Limiter:
    """Counts by box, kind and hour; `allows` says whether one more is fine."""

    def __init__(self, *, calls_an_hour: int, alerts_an_hour: int, messages_a_minute: int) -> None:
        self._most = {"calls": calls_an_hour, "alerts": alerts_an_hour}
        self._a_minute = messages_a_minute
        self._counts: OrderedDict[tuple[str, str, str, int], int] = OrderedDict()

    def allows(self, site: str, device: str, leaf: str, of: datetime | None, now: datetime) -> bool:
        """Count one message; `of` is the moment that it speaks of, None: the present."""
        minute = int(now.timestamp() // 60)
        if self._more((site, device, "any", minute)) > self._a_minute:
            return False
        most = self._most.get(leaf)
        if most is None or of is None:
            return True
        return self._more((site, device, leaf, int(of.timestamp() // 3600))) <= most

    def _more(self, key: tuple[str, str, str, int]) -> int:
        count = self._counts.pop(key, 0) + 1
        self._counts[key] = count
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return count
