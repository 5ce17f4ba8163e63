"""How far a line's time has come, and how much of its sound was lost on the way. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.records import FRAME, RATE_HZ, AudioFrame

if TYPE_CHECKING:
    from collections.abc import Collection

    from sered.records import Side


class LineTime:
    """Counts one line's time in samples of 16 kHz, through every capture and every outage.

    What is missing between two frames is lost sound, to the sample; the moments that tell how
    much are seconds of the system's monotonic clock.
    """

    def __init__(self, sides: Collection[Side]) -> None:
        self._sides = sides
        self.end = 0
        """Line time, in samples, where the last frame ended."""
        self.lost = 0
        """Samples a side that are missing up to there."""
        self._end_at_s: float | None = None

    def take(self, frame: AudioFrame) -> None:
        """Note the next frame; it carries what was lost before it."""
        self.end = frame.start + FRAME
        self.lost += frame.lost

    def reached(self, at_s: float) -> None:
        """Note the moment at which the last frame ended."""
        self._end_at_s = at_s

    def outage(self, starts_s: float, began_s: float, *, first: bool) -> int:
        """Samples lost between the last frame and a capture's first sound, at `starts_s`.

        `began_s`: when the tap began to look for its card; a `first` attempt that succeeds has
        lost nothing.
        """
        if self._end_at_s is None and first:
            return 0
        last_s = began_s if self._end_at_s is None else self._end_at_s
        return max(round((starts_s - last_s) * RATE_HZ), 0)

    def beat(self, now_s: float, every_s: float) -> AudioFrame | None:
        """A frame of silence, all before it lost, when an outage has lasted for `every_s`.

        Line time goes on by it, so that a call whose card never comes back is over some time.
        """
        if self._end_at_s is None or now_s - self._end_at_s < every_s:
            return None
        gap = round((now_s - self._end_at_s) * RATE_HZ)
        nothing = {side: np.zeros(FRAME, np.int16) for side in self._sides}
        frame = AudioFrame(self.end + gap - FRAME, nothing, gap)
        self.end, self._end_at_s = self.end + gap, now_s
        self.lost += gap
        return frame
