"""Voice activity: a gate that follows the noise, and a neural detector behind it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.silero import Silero

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Gate:
    """Follows the noise floor of one side and opens for what stands out of it."""

    LOWEST_DB = -72.0
    MARGIN_DB = 5.0
    _HOLD_FRAMES = 1
    _MEMORY_FRAMES = 16
    """The floor is the quietest block of the last 4 s: people breathe, noise does not."""
    _START_DB = -60.0
    """Floor to begin with: a recording may start in the middle of a word."""

    def __init__(self) -> None:
        self.floor_db = self._START_DB
        self._lows: deque[float] = deque([self._START_DB], maxlen=self._MEMORY_FRAMES)
        self._hold = 0

    @property
    def threshold_db(self) -> float:
        """Level above which a block stands out."""
        return self.floor_db + self.MARGIN_DB

    def open(self, loudest_db: float) -> bool:
        """Whether a frame with this loudest block is worth listening to."""
        if loudest_db > self.threshold_db:
            self._hold = self._HOLD_FRAMES
            return True
        self._hold -= 1
        return self._hold >= 0

    def learn(self, quietest_db: float, *, busy: bool, music: bool = False) -> None:
        """Follow the floor: down at once; up only while nobody and nothing known is heard.

        `music`: it sounds without a pause, so that its softest notes say nothing of the floor.
        """
        if music:
            quietest_db = min(quietest_db, self.floor_db)
        self._lows.append(max(quietest_db, self.LOWEST_DB))
        lowest = min(self._lows)
        if lowest < self.floor_db or not busy:
            self.floor_db = lowest


class VoiceDetector:
    """Speech or not, block by block, for one side."""

    _START, _STOP = 0.5, 0.35
    """Probability at which speech begins, and under which it may end."""
    _START_BLOCKS, _STOP_BLOCKS = 3, 3
    """So many in a row: a tone's onset is taken for speech for a block or two."""
    _LONGEST_LEAD = 16
    _PEAK = 0.7
    _MOST, _LEAST = 15.0, 0.2
    _MEMORY = 80
    """Silero hears less in the same voice when it is softer, so the loudest of the last 20 s that
    were worth listening to is brought to one peak, within bounds."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._peaks: deque[float] = deque(maxlen=self._MEMORY)
        self._rows: NDArray[np.float32] | None = None
        self._speaking = False
        self._turned = 0
        self._likely = self._unlikely = 0

    def take(self, blocks: NDArray[np.float32]) -> None:
        """Take (n, BLOCK) samples, full scale 1.0, to be asked about one after the other."""
        self._peaks.append(float(np.abs(blocks).max()))
        gain = min(max(self._PEAK / max(*self._peaks, 1e-6), self._LEAST), self._MOST)
        self._rows = self._silero.encode(blocks * np.float32(gain))

    def hear(self, index: int) -> bool:
        """Whether somebody speaks in this block of those taken; ask in order."""
        assert self._rows is not None, "take() comes first"
        probability = self._silero.step(self._rows[index])
        self._unlikely = 0 if probability >= self._STOP else self._unlikely + 1
        self._likely = self._likely + 1 if self._unlikely < self._STOP_BLOCKS else 0
        turns = probability < self._STOP if self._speaking else probability >= self._START
        self._turned = self._turned + 1 if turns else 0
        if self._turned >= (self._STOP_BLOCKS if self._speaking else self._START_BLOCKS):
            self._speaking = not self._speaking
            self._turned = 0
        return self._speaking

    @property
    def lead(self) -> int:
        """How many blocks before this one speech was likely already, though not yet sure."""
        return min(max(self._likely - 1, 0), self._LONGEST_LEAD)

    def reset(self) -> None:
        """Forget what was heard: sound has been skipped."""
        self._silero.reset()
        self._speaking = False
        self._turned = 0
        self._likely = self._unlikely = 0
