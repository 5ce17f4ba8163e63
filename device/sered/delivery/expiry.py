"""The one place that decides which waiting messages are too old, and reads the clocks for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sered.delivery import age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sered.delivery.spool_file import SpoolFile

_PAGE = 1000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Which boot of the kernel this is; empty where it does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def uptime_s() -> float:
    """Seconds since the boot, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What tells the time on this box."""

    now: Callable[[], float]
    """Seconds since 1970."""
    uptime: Callable[[], float]
    """Seconds since the boot."""
    synced: Callable[[], bool]
    """Whether `now` can be trusted."""
    boot: str
    """Which boot `uptime` counts from."""

    def stamp(self) -> age.Stamp:
        """This moment."""
        return age.Stamp(self.now(), self.synced(), self.boot, self.uptime())


def too_old(file: SpoolFile, now: age.Stamp, limit_s: float) -> Iterator[list[str]]:
    """Keys of the rows that have waited longer, some at a time; brings their stamps up to date."""
    after = 0
    while page := file.stamps(after, _PAGE):
        after = page[-1][0]
        stamps = {number: age.settled(put, now) for number, _, put in page}
        file.restamp({number: stamps[number] for number, _, put in page if put != stamps[number]})
        waited = ((key, age.age_s(stamps[number], now)) for number, key, _ in page)
        if old := [key for key, seconds in waited if seconds is not None and seconds > limit_s]:
            yield old
