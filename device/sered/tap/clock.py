"""Wall time and call ids, stamped at the edge: everything behind it counts samples."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from sered.records import AudioFrame

_TIME_ERROR = 5
_TIMEX_BYTES = 512


class Clock(Protocol):
    """Turns seconds of line time into wall time and names calls."""

    def wall(self, line_s: float) -> datetime:
        """Wall time, UTC, of a moment of line time."""

    def synced(self) -> bool:
        """Whether wall time can be trusted."""

    def call_id(self, at: datetime, line_s: float) -> str:
        """A UUIDv7 for the call that began then."""


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
    """Wall time of a recording: it ended when its file was last written.

    The same file gives the same ids, so that a replayed call is a duplicate to a subscriber.
    """

    def __init__(self, path: Path, duration_s: float, name: str) -> None:
        stat = path.stat()
        self._began = stat.st_mtime - duration_s
        self._seed = f"{name}/{path.name}/{stat.st_size}/{stat.st_mtime_ns}"

    def wall(self, line_s: float) -> datetime:
        """Wall time, UTC, of a moment of the recording."""
        return datetime.fromtimestamp(round(self._began + line_s, 3), UTC)

    def synced(self) -> bool:
        """A file's date is taken as it is."""
        return True

    def call_id(self, at: datetime, line_s: float) -> str:
        """A UUIDv7 that depends on the file and the moment alone."""
        digest = hashlib.sha256(f"{self._seed}/{line_s:.3f}".encode()).digest()
        return uuid7(at, digest[:10])


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
