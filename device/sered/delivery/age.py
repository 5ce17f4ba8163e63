"""How long a message has waited, told only by clocks that can be trusted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

_AGREE_S = 60.0
"""Wall time and up time that differ by less are not corrected."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One moment, as all clocks of the box showed it."""

    wall: float
    """Seconds since 1970."""
    synced: bool = False
    """Whether the kernel vouched for `wall`."""
    boot: str = ""
    """Which boot `up` counts from; empty: not known."""
    up: float = 0.0
    """Seconds since that boot, sleep included: no clock that is set moves them."""

    def __str__(self) -> str:
        return f"{self.boot} {self.up!r} {int(self.synced)}" if self.boot else ""


def from_text(wall: float, text: str) -> Stamp:
    """The stamp that `str()` wrote; what cannot be read is a moment that no clock vouches for."""
    try:
        boot, up, synced = text.split()
        return Stamp(wall, synced == "1", boot, float(up))
    except ValueError:
        return Stamp(wall)


def age_s(put: Stamp, now: Stamp) -> float | None:
    """Seconds from `put` to `now`, the least that a trusted clock tells; None: none of them can.

    Within one boot the up time tells. Across boots wall time does, if it was synchronised at both
    ends.
    """
    told = [now.up - put.up] if put.boot and put.boot == now.boot else []
    if put.synced and now.synced:
        told.append(now.wall - put.wall)
    return min((each for each in told if each >= 0.0), default=None)


def settled(put: Stamp, now: Stamp) -> Stamp:
    """The stamp to keep from now on: where `now` is synchronised, so is what comes back.

    What this boot stamped gets the wall time that its up time leads to; what no clock can date
    begins to age now. Doing it twice changes nothing.
    """
    if not now.synced:
        return put
    if put.boot == now.boot and put.up <= now.up:
        wall = now.wall - (now.up - put.up)
        right = put.synced and abs(wall - put.wall) < _AGREE_S
        return put if right else replace(put, wall=wall, synced=True)
    return put if age_s(put, now) is not None else now
