"""What wall time and call ids promise."""

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.tap.clock import LiveClock, RecordingClock, kernel_clock_synced, uuid7


def test_call_ids_are_version_7_and_sort_by_time() -> None:
    """Ids follow RFC 9562: version, variant, and the order of their milliseconds."""
    early = uuid7(datetime(2026, 1, 1, tzinfo=UTC), b"\xff" * 10)
    late = uuid7(datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC), b"\x00" * 10)
    assert early < late
    for text in (early, late):
        assert UUID(text).version == 7
        assert UUID(text).variant == "specified in RFC 4122"


def test_live_wall_time_follows_the_last_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card whose clock drifts cannot pull wall time away: each arrival pins it anew."""
    clock = LiveClock()
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    frame = AudioFrame(RATE_HZ * 100, {Side.CUSTOMER: np.zeros(FRAME, np.int16)})
    clock.arrived(frame)
    end_s = 100 + FRAME / RATE_HZ
    assert clock.wall(end_s).timestamp() == pytest.approx(1_000.0)
    assert clock.wall(end_s - 7).timestamp() == pytest.approx(993.0)


def test_a_recording_gives_the_same_ids_every_time(tmp_path: Path) -> None:
    """A replayed file repeats its ids and times, so a subscriber sees a duplicate."""
    path = tmp_path / "call.wav"
    path.write_bytes(b"x" * 100)
    os.utime(path, (2_000.0, 2_000.0))
    first, second = (RecordingClock(path, 50.0, "site/box/line1") for _ in range(2))
    assert first.wall(0.0) == datetime.fromtimestamp(1_950.0, UTC)
    assert first.call_id(first.wall(1.0), 1.0) == second.call_id(second.wall(1.0), 1.0)
    assert first.call_id(first.wall(1.0), 1.0) != first.call_id(first.wall(2.0), 2.0)
    other = RecordingClock(path, 50.0, "site/box/line2")
    assert other.call_id(other.wall(1.0), 1.0) != first.call_id(first.wall(1.0), 1.0)


def test_kernel_clock_is_asked() -> None:
    """The kernel answers whether its clock is disciplined."""
    assert kernel_clock_synced() in (True, False)
