"""Taps that are read as the analysis reads them, on capture processes that do what a test wants."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil

from broker import wait_until
from sered.records import FRAME, AudioFrame

if TYPE_CHECKING:
    from sered.tap.live import LiveTap


FAKE = """
import json, os, sys, time
from array import array
from sered.tap.capture import *
def opened(rate=16000, channels=2, sample="s16"):
    about = dict(device="fake", rate_hz=rate, channels=channels, sample=sample)
    body = json.dumps(about).encode()
    os.write(1, HEAD.pack(OPENED, len(body), 0, 0) + body)
def sound(seconds, at=None, dropped=0, rate=16000, bytes=4):
    samples = int(seconds * rate) * bytes // 2
    body = array('h', list(os.urandom(samples))).tobytes()
    end = at if at is not None else time.monotonic()
    os.write(1, HEAD.pack(AUDIO, len(body), dropped, int(end * 1e9)) + body)
def failed(reason, text):
    body = json.dumps(dict(reason=reason, text=text)).encode()
    os.write(1, HEAD.pack(FAILED, len(body), 0, 0) + body)
begun = time.monotonic()
first = not os.path.exists(sys.argv[1])
open(sys.argv[1], "a").write(".")
"""
"""The start of a capture process that does what a test wants; `first` on its first run."""


class Ear:
    """Reads a tap in a thread, as the analysis does."""

    def __init__(self, tap: LiveTap) -> None:
        self.tap = tap
        self.frames: list[AudioFrame] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for frame in self.tap.frames():
            self.frames.append(frame)
            self.may_go_on.wait()

    def wait_for(self, frames: int, within_s: float = 60.0) -> None:
        wait_until(lambda: len(self.frames) >= frames, within_s, f"{frames} frames")

    def wait_reason(self, *reasons: str, within_s: float = 60.0) -> None:
        wait_until(lambda: self.tap.state.reasons == reasons, within_s, f"{reasons}")

    def check_line_time(self) -> int:
        """Every frame starts where the one before ended plus what it lost; all samples lost."""
        end = self.frames[0].start - self.frames[0].lost
        for frame in self.frames:
            assert frame.start == end + frame.lost
            end = frame.start + FRAME
        return sum(frame.lost for frame in self.frames)


_others: set[int] = set()


def begin() -> None:
    """Browsers and databases of other tests are children of this process, too: not ours."""
    _others.clear()
    _others.update(child.pid for child in psutil.Process().children())


def captures() -> list[psutil.Process]:
    """The capture processes that this test has begun."""
    found = psutil.Process().children()
    return [each for each in found if each.pid not in _others and each.name().startswith("python")]
