"""Between tap and analysis nothing is lost unseen, and the tap never waits."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sered.records import FRAME, FRAME_S, AudioFrame, Side
from sered.tap.frame_queue import FrameQueue

PCM = {Side.CUSTOMER: np.zeros(FRAME, np.int16)}


def frame(number: int, lost: int = 0) -> AudioFrame:
    return AudioFrame(number * FRAME, PCM, lost)


@pytest.mark.slow
@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_every_sample_is_heard_or_counted(bursts: list[int]) -> None:
    """However put and taken, each frame starts where the one before ended plus what it lost."""
    queue = FrameQueue(hold_s=3 * FRAME_S)
    frames = queue.frames()
    number = end = heard = lost = 0
    for burst in bursts:
        for _ in range(burst):
            queue.put(frame(number))
            number += 1
        if queue.behind_s:
            got = next(frames)
            assert got.start == end + got.lost
            end = got.start + FRAME
            heard, lost = heard + 1, lost + got.lost
    waiting = round(queue.behind_s / FRAME_S)
    assert number * FRAME == (heard + waiting) * FRAME + queue.dropped
    assert lost <= queue.dropped


def test_loss_before_a_dropped_frame_is_kept() -> None:
    """A gap in front of a frame that did not get in is passed on to the next one that does."""
    queue = FrameQueue(hold_s=FRAME_S)
    frames = queue.frames()
    assert queue.put(frame(0))
    assert not queue.put(frame(2, lost=FRAME))
    assert queue.behind
    next(frames)
    queue.put(frame(3))
    assert next(frames).lost == 2 * FRAME
    assert not queue.behind


def test_waiting_long_is_behind_before_anything_is_lost() -> None:
    """More than five seconds of waiting sound are said, though none is dropped."""
    queue = FrameQueue(hold_s=60)
    for number in range(int(6 / FRAME_S)):
        assert queue.put(frame(number))
    assert queue.behind
    assert queue.dropped == 0


def test_close_wakes_a_reader() -> None:
    """A reader that waits for sound ends at once when the queue closes."""
    queue = FrameQueue()
    reader = threading.Thread(target=lambda: list(queue.frames()))
    reader.start()
    queue.close()
    reader.join(2)
    assert not reader.is_alive()


def test_a_broken_tap_is_an_error_not_an_end() -> None:
    """A reader does not take the death of the tap for the end of a recording."""
    queue = FrameQueue()
    queue.fail()
    with pytest.raises(RuntimeError, match="died"):
        next(queue.frames())
