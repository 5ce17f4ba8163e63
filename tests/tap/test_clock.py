"""What wall time and call ids promise."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.tap.clock import (
    LiveClock,
    RecordingClock,
    kernel_clock_synced,
    named_time,
    recording_began,
    uuid7,
)


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


BEGAN = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)


def test_a_recording_gives_the_same_ids_every_time() -> None:
    """The same sound heard by the same box has the same id, whenever its file was written."""
    first = RecordingClock(BEGAN, "d1", "site", "box", "line1", "both")
    copied = RecordingClock(BEGAN + timedelta(days=3), "d1", "site", "box", "line1", "both")
    assert first.wall(1.5) == BEGAN + timedelta(seconds=1.5)
    assert first.call_id(first.wall(1.0), 1.0) == copied.call_id(copied.wall(1.0), 1.0)
    assert UUID(first.call_id(first.wall(1.0), 1.0)).version == 8


@pytest.mark.parametrize(
    "heard", [("d2", "box", "both"), ("d1", "other", "both"), ("d1", "box", "text")]
)
def test_another_sound_box_or_mode_is_another_call(heard: tuple[str, ...]) -> None:
    """An id stands for one content: what can change the report changes it, the moment too."""
    first = RecordingClock(BEGAN, "d1", "box", "both")
    assert RecordingClock(BEGAN, *heard).call_id(BEGAN, 1.0) != first.call_id(BEGAN, 1.0)
    assert first.call_id(BEGAN, 1.0) != first.call_id(BEGAN, 2.0)


@pytest.mark.parametrize(
    "name",
    [
        "2026-01-05_09-15-00Z.wav",
        "20260105-091500+0000.mp3",
        "rec_20260105T091500Z_4711.wav",
        "Call 2026.01.05 at 10.15.00+0100.m4a",
        "q-sales-1767604500.123.wav",
    ],
)
def test_a_name_tells_when(name: str) -> None:
    """Date and time are read from a name as recorders write them."""
    assert named_time(name) == BEGAN


@pytest.mark.parametrize(
    "name", ["call.wav", "20261305-091500.wav", "4915112345678.wav", "a20260105.wav"]
)
def test_a_name_that_tells_nothing(tmp_path: Path, name: str) -> None:
    """Without a date and a time in its name a recording ended when its file was last written."""
    assert named_time(name) is None
    path = tmp_path / name
    path.write_bytes(b"x")
    os.utime(path, (2_000.0, 2_000.0))
    assert recording_began(path, 50.0) == datetime.fromtimestamp(1_950.0, UTC)


def test_a_name_without_a_zone_is_local_time() -> None:
    """A name's hour is that of the clock on the wall where the box stands."""
    assert named_time("20260105-091500.wav") == datetime(2026, 1, 5, 9, 15).astimezone(UTC)


def test_kernel_clock_is_asked() -> None:
    """The kernel answers whether its clock is disciplined."""
    assert kernel_clock_synced() in (True, False)
