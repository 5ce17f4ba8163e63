"""Voice activity: a gate that follows the noise, a neural detector behind it, and hold music."""

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


class MusicDetector:
    """Notes that go on and on and are not speech: hold music."""

    _BLOCKS = 94
    _BEGIN, _GO_ON = 0.55, 0.35
    """Share of the last 3 s that is notes."""
    _VOICED = 0.3
    """With more speech than this among them, somebody speaks or sings."""
    _VOICE_BLOCKS = 5
    """Speech that lasts so long is somebody who speaks over the music or after it."""
    _LIVELY_DB = 4.0
    _TUNE, _NOTE_BLOCKS, _SEMITONE = 3, 4, 0.03
    """Music swells and fades, or plays so many different notes; a hum or a motor does neither."""

    def __init__(self) -> None:
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=self._BLOCKS)
        self._levels: deque[float] = deque(maxlen=self._BLOCKS)
        self._lines: deque[float] = deque(maxlen=self._BLOCKS)
        self._notes = self._voiced = self._run = 0
        self.playing = False
        """Whether music sounds."""

    def hear(self, level_db: float, hz: float, *, note: bool, voiced: bool) -> bool:
        """Take one block, its level and its strongest line; True while music sounds."""
        if len(self._recent) == self._BLOCKS:
            first = self._recent[0]
            self._notes -= first[0]
            self._voiced -= first[1]
        self._recent.append((note, voiced))
        self._levels.append(level_db)
        self._lines.append(hz if note else 0.0)
        self._notes += note
        self._voiced += voiced
        self._run = self._run + 1 if voiced else 0
        if self._run >= self._VOICE_BLOCKS:
            self._notes = 0
            self._recent = deque(((False, old) for _, old in self._recent), maxlen=self._BLOCKS)
        enough = self._GO_ON if self.playing else self._BEGIN
        self.playing = (
            self._notes >= enough * self._BLOCKS
            and self._voiced <= self._VOICED * self._BLOCKS
            and self._lively()
        )
        return self.playing

    def _lively(self) -> bool:
        levels = sorted(self._levels)
        tenth = len(levels) // 10
        return levels[-1 - tenth] - levels[tenth] >= self._LIVELY_DB or self._tune()

    def _tune(self) -> bool:
        notes: list[float] = []
        first, lasted = 0.0, 0
        for hz in self._lines:
            same = first > 0.0 and abs(hz / first - 1.0) < self._SEMITONE
            first, lasted = (first, lasted + 1) if same else (hz, 1)
            new = all(abs(first / note - 1.0) >= self._SEMITONE for note in notes)
            if first > 0.0 and lasted == self._NOTE_BLOCKS and new:
                notes.append(first)
        return len(notes) >= self._TUNE

    def reset(self) -> None:
        """Forget what was heard."""
        self._recent.clear()
        self._levels.clear()
        self._lines.clear()
        self._notes = self._voiced = self._run = 0
        self.playing = False
