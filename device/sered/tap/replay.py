"""Plays a recording at the pace of the clock, as a tap would deliver it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.records import AudioFrame
    from sered.tap.live import AudioSource


class Paced:
    """An audio source that holds each frame back until its sound would have been heard."""

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._closed = threading.Event()

    def frames(self) -> Iterator[AudioFrame]:
        """The source's frames, none before its time; frames that come late are not held."""
        began = time.monotonic()
        for frame in self._source.frames():
            due = began + (frame.start + FRAME) / RATE_HZ
            if self._closed.wait(max(due - time.monotonic(), 0.0)):
                return
            yield frame

    def close(self) -> None:
        """Stop at once."""
        self._closed.set()
        self._source.close()
