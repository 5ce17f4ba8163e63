"""The bounded queue between a tap and its analysis: what does not fit is dropped and counted."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.records import AudioFrame

HOLD_S = 60.0
"""Sound that waits for the analysis before any is dropped: 2 MB a side."""
_LATE_S = 5.0


class FrameQueue:
    """Frames in at one end by the tap's thread, out at the other by the analysis'.

    The tap never waits. When the queue is full the newest frame is dropped; what was dropped is in
    `lost` of the next one that gets in.
    """

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._most = max(round(hold_s * RATE_HZ / FRAME), 1)
        self._queue: deque[AudioFrame] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._broken = False
        self._pending = 0
        self.dropped = 0
        """Samples dropped here since the start, a side."""

    @property
    def behind_s(self) -> float:
        """Seconds of sound that wait."""
        return len(self._queue) * FRAME / RATE_HZ

    @property
    def behind(self) -> bool:
        """Whether the analysis falls behind: sound waits long or is being dropped."""
        return self._pending > 0 or self.behind_s > _LATE_S

    def put(self, frame: AudioFrame) -> bool:
        """Hand a frame in; whether it was taken."""
        with self._changed:
            if len(self._queue) >= self._most:
                self._pending += FRAME + frame.lost
                self.dropped += FRAME
                return False
            if self._pending:
                frame = replace(frame, lost=frame.lost + self._pending)
                self._pending = 0
            self._queue.append(frame)
            self._changed.notify()
            return True

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame that got in, until `close`; what still waits then is left.

        Raises RuntimeError when the tap broke.
        """
        while True:
            with self._changed:
                while not (self._queue or self._closed):
                    self._changed.wait()
                if self._broken:
                    msg = "the tap's thread died"
                    raise RuntimeError(msg)
                if self._closed:
                    return
                frame = self._queue.popleft()
            yield frame

    def close(self) -> None:
        """End `frames`; safe from any thread, and twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def fail(self) -> None:
        """End `frames` with an error: the tap's thread died of a fault of ours."""
        self._broken = True
        self.close()
