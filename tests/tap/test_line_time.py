"""Line time goes on through every outage, and what is missing is counted to the sample."""

from __future__ import annotations

import numpy as np

from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.tap.line_time import LineTime


def frame(start: int, lost: int = 0) -> AudioFrame:
    return AudioFrame(start, {Side.CUSTOMER: np.ones(FRAME, np.int16)}, lost)


def test_a_card_that_is_there_at_once_has_lost_nothing() -> None:
    """However long it took to open: the line's time begins with its first sound."""
    time = LineTime([Side.CUSTOMER])
    assert time.outage(starts_s=107.0, began_s=100.0, first=True) == 0


def test_a_card_that_came_late_has_lost_the_time_since_the_start() -> None:
    """What passed on the line before its card came is lost sound of this line."""
    time = LineTime([Side.CUSTOMER])
    assert time.outage(starts_s=107.5, began_s=100.0, first=False) == 7.5 * RATE_HZ


def test_between_two_captures_the_clock_tells_what_is_missing() -> None:
    """From where the last frame ended to the new capture's first sample; never less than none."""
    time = LineTime([Side.CUSTOMER])
    time.take(frame(0))
    time.take(frame(FRAME + 100, lost=100))
    time.reached(50.0)
    assert (time.end, time.lost) == (2 * FRAME + 100, 100)
    assert time.outage(starts_s=50.25, began_s=1.0, first=False) == RATE_HZ // 4
    assert time.outage(starts_s=49.9, began_s=1.0, first=False) == 0


def test_a_long_outage_is_handed_on_as_silence_that_is_all_lost() -> None:
    """Nothing before its time, then one frame whose end is now; the next counts from there."""
    time = LineTime([Side.CUSTOMER])
    assert time.beat(1000.0, every_s=30.0) is None
    time.take(frame(0))
    time.reached(50.0)
    assert time.beat(79.9, every_s=30.0) is None
    beat = time.beat(80.0, every_s=30.0)
    assert beat is not None
    assert not beat.pcm[Side.CUSTOMER].any()
    assert (beat.lost, beat.start + FRAME) == (30 * RATE_HZ, FRAME + 30 * RATE_HZ)
    assert (time.end, time.lost) == (beat.start + FRAME, 30 * RATE_HZ)
    assert time.beat(109.9, every_s=30.0) is None
    assert time.outage(starts_s=81.0, began_s=0.0, first=False) == RATE_HZ
