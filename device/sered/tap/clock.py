"""Wall time and call ids, stamped at the edge: everything behind it counts samples."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from sered.records import AudioFrame

_TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised."""
_TIMEX_BYTES = 512
"""More than any kernel's struct timex."""


class Clock(Protocol):
    """Turns seconds of line time into wall time and names calls."""

    def wall(self, line_s: float) -> datetime:
        """Wall time, UTC, of a moment of line time."""

    def synced(self) -> bool:
        """Whether wall time can be trusted."""

    def call_id(self, at: datetime, line_s: float) -> str:
        """An id for the call that began then."""


class LiveClock:
    """Wall time of a live tap: each frame's arrival pins line time to it anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pin = (time.time(), 0.0)

    def arrived(self, frame: AudioFrame) -> None:
        """Note that a frame has just come from the tap; call it before any queue."""
        with self._lock:
            self._pin = (time.time(), (frame.start + FRAME) / RATE_HZ)

    def wall(self, line_s: float) -> datetime:
        """Wall time, UTC, of a moment of line time."""
        with self._lock:
            wall, line = self._pin
        return datetime.fromtimestamp(wall - (line - line_s), UTC)

    def synced(self) -> bool:
        """Whether the kernel's clock is synchronised."""
        return kernel_clock_synced()

    def call_id(self, at: datetime, line_s: float) -> str:  # noqa: ARG002 - the seam's shape
        """A fresh UUIDv7."""
        return uuid7(at, os.urandom(10))


class RecordingClock:
    """Wall time of a recording that began at a known moment, and ids that its content makes.

    The same sound, box, line, mode and sides give the same ids, whatever the file is called and
    when it was copied: a call that is replayed is a duplicate to a subscriber.
    """

    def __init__(self, began: datetime, digest: str, *heard_by: str) -> None:
        self._began = began
        self._seed = "/".join((digest, *heard_by))

    def wall(self, line_s: float) -> datetime:
        """Wall time, UTC, of a moment of the recording."""
        at = self._began.timestamp() + line_s
        return datetime.fromtimestamp(round(at, 3), UTC)

    def synced(self) -> bool:
        """A file's date is taken as it is."""
        return True

    def call_id(self, at: datetime, line_s: float) -> str:  # noqa: ARG002 - the seam's shape
        """A UUIDv8 that depends on the sound, who heard it, and the moment in it alone."""
        digest = hashlib.sha256(f"{self._seed}/{line_s:.3f}".encode()).digest()
        bits = int.from_bytes(digest[:16]) & ~(0xF << 76) | 0x8 << 76
        return str(UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))


def recording_began(path: Path, duration_s: float) -> datetime:
    """When a recording began: by its name, else so long before its file was last written.

    A date and time in a name count from the box's own time zone unless the name has one.
    """
    return named_time(path.name) or datetime.fromtimestamp(path.stat().st_mtime - duration_s, UTC)


def named_time(name: str) -> datetime | None:
    """The date and time of day in a file's name, as recorders and exchanges write it; UTC."""
    for found in _DATED.finditer(name):
        *date, zone = found.group("year", "month", "day", "hour", "minute", "second", "zone")
        numbers = [int(part) for part in date]
        try:
            at = datetime(*numbers, tzinfo=UTC if zone else None)  # type: ignore[misc,arg-type]  # six numbers
        except ValueError:
            continue
        if zone and zone not in "Zz":
            sign = -1 if zone[0] == "-" else 1
            digits = zone[1:].replace(":", "")
            at -= sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return at.astimezone(UTC)
    epoch = _EPOCH.search(name)
    return datetime.fromtimestamp(int(epoch["seconds"]), UTC) if epoch else None


_DATED = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<d>[-_.]?)(?P<month>\d\d)(?P=d)(?P<day>\d\d)"
    r"(?:[T_ .\-]|at|-at-|, )*"
    r"(?P<hour>\d\d)(?P<t>[-_.:h\u2236]?)(?P<minute>\d\d)[-_.:m\u2236]?(?P<second>\d\d)"
    r"(?:\.\d+)?(?P<zone>[Zz]|[+-]\d\d:?\d\d(?!\d))?",
)
"""2026-01-05_10-15-00, 20260105-101500, 20260105T101500Z, 2026.01.05 10.15.00+0100 ..."""
_EPOCH = re.compile(r"(?<![\d.])(?P<seconds>1\d{9})\.\d+(?![\d])")
"""An exchange's unique id: seconds since 1970, a dot and a counter."""


def uuid7(at: datetime, random: bytes) -> str:
    """A UUID version 7 (RFC 9562): milliseconds since 1970, then 74 of the 80 random bits."""
    bits = (int(at.timestamp() * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(random)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=bits))


def kernel_clock_synced() -> bool:
    """Whether the kernel says that its clock is disciplined (adjtimex; read only)."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    return 0 <= state < _TIME_ERROR
