"""What the box knows about itself: load, memory, temperature; read from /proc and /sys."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_KIB_PER_MB = 1024.0


@dataclass(frozen=True, slots=True)
class Load:
    """Figures of this process and its capture children."""

    cpu: float
    """Share of one core since the last look."""
    rss_mb: float
    temperature_c: float | None


class Meter:
    """Measures the process between two looks."""

    def __init__(self, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> None:
        self._proc = proc
        self._sys = sys
        self._last = (time.monotonic(), _cpu_s())
        self._began = self._last[0]

    @property
    def uptime_s(self) -> float:
        """Seconds since the service began."""
        return time.monotonic() - self._began

    def look(self) -> Load:
        """The figures now."""
        now, used = time.monotonic(), _cpu_s()
        before, used_before = self._last
        self._last = (now, used)
        share = (used - used_before) / max(now - before, 1e-3)
        return Load(round(share, 4), round(self._rss_mb(), 1), self._temperature_c())

    def _rss_mb(self) -> float:
        pages = int((self._proc / "self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / _KIB_PER_MB / _KIB_PER_MB

    def _temperature_c(self) -> float | None:
        try:
            milli = (self._sys / "class/thermal/thermal_zone0/temp").read_text()
        except OSError:
            return None
        return int(milli) / 1000.0


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
