"""Voice activity: a gate that follows the noise, and a neural detector behind it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.silero import Silero
from sered.levels import FULL_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Gate:
    """Follows the noise floor of one side, and opens for what stands out of it."""

    LOWEST_DB = -72.0
    """The floor is taken for no lower: below lies the converter's own noise."""
    MARGIN_DB = 5.0
    """What stands out of the floor by less is noise."""
    _HOLD_FRAMES = 1
    _MEMORY_FRAMES = 16
    """The floor is the quietest block of so many frames, 4 s: people breathe, noise does not."""
    _START_DB = -60.0
    """The floor when nothing is known: a recording may start in the middle of a word."""

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
        """Follow the floor down at once, and up only while nothing is heard that has a name.

        `music`: music has no pauses, so its softest notes say nothing of the floor.
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
    """Silero's probability at which speech begins, and under which it ends: its authors' own."""
    _START_BLOCKS, _STOP_BLOCKS = 3, 3
    """Blocks in a row to begin and to end: a tone's onset passes for speech for two."""
    _LONGEST_LEAD = 16
    """Blocks, half a second: no word begins softer for longer."""
    _PEAK = 0.7
    _MOST, _LEAST = 15.0, 0.2
    _MEMORY = 80
    """The loudest of the last 80 frames that passed the gate (20 s) is brought to one peak, within
    bounds of gain: Silero hears less in the same voice when it is softer."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._peaks: deque[float] = deque(maxlen=self._MEMORY)
        self._of: NDArray[np.float32] | None = None
        """The sound that was encoded last, the loudest sample of each of its frames ..."""
        self._peaks_of: list[float] = []
        self._encoded: dict[int, tuple[float, NDArray[np.float32]]] = {}
        """... and its frames: each with the gain that it was encoded with."""
        self._rows = _NOTHING
        self._run: list[float] = []
        """Probability of each block of the frame, as far as they were listened to."""
        self._speaking = False
        self._turned = 0
        self._likely = self._unlikely = 0

    def take(self, sound: NDArray[np.float32], at: int = 0, until: int | None = None) -> None:
        """Take the frame `at` of (frames, n, BLOCK) samples, on the scale of int16.

        Then ask `hear` of each block, in order. The frames before `until` are probably taken next:
        they are encoded with this one.
        """
        if self._of is not sound:
            self._of, self._encoded = sound, {}
            self._peaks_of = _peaks(sound)
        self._peaks.append(self._peaks_of[at])
        gain = self._gain(self._peaks)
        if at not in self._encoded or self._encoded[at][0] != gain:
            self._encoded = self._encode(sound, at, until or at + 1, gain)
        self._rows = self._encoded[at][1]
        self._run = []

    def _gain(self, peaks: Sequence[float]) -> float:
        return min(max(self._PEAK / max(*peaks, 1e-6), self._LEAST), self._MOST)

    def _encode(
        self, sound: NDArray[np.float32], at: int, until: int, gain: float
    ) -> dict[int, tuple[float, NDArray[np.float32]]]:
        gains, peaks = [gain], deque(self._peaks, maxlen=self._MEMORY)
        for peak in self._peaks_of[at + 1 : until]:
            peaks.append(peak)
            gains.append(self._gain(peaks))
        factors = np.asarray(gains, np.float32) / np.float32(FULL_SCALE)
        blocks = sound[at:until] * factors[:, None, None]
        rows = self._silero.encode(blocks.reshape(-1, blocks.shape[-1]))
        parts = rows.reshape(len(gains), -1, rows.shape[-1])
        return dict(enumerate(zip(gains, parts, strict=True), at))

    def hear(self, index: int, until: int | None = None) -> bool:
        """Whether somebody speaks in this block of the frame that was taken.

        `until`: `reset` is called before that block is asked for, if ever.
        """
        if index >= len(self._run):
            passed = [0.0] * (index - len(self._run))
            self._run += passed + self._silero.steps(self._rows[index:until])
        probability = self._run[index]
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
        """Blocks before this one in which speech was likely, though not yet sure."""
        return min(max(self._likely - 1, 0), self._LONGEST_LEAD)

    def reset(self) -> None:
        """Forget what was heard, because sound was skipped."""
        self._silero.reset()
        self._speaking = False
        self._turned = 0
        self._likely = self._unlikely = 0


_NOTHING = np.zeros((0, 0), np.float32)


def _peaks(frames: NDArray[np.float32]) -> list[float]:
    """Of each of (frames, n, BLOCK) samples on the scale of int16, full scale 1.0."""
    flat = frames.reshape(len(frames), -1)
    peaks: list[float] = np.maximum(flat.max(axis=1), -flat.min(axis=1)).tolist()
    return [peak / FULL_SCALE for peak in peaks]
