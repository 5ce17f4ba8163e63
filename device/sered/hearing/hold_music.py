"""Hold music: notes that go on and on and are not speech."""

from __future__ import annotations

from collections import deque


class MusicDetector:
    """Notes that go on and on and are not speech: hold music."""

    _BLOCKS = 94
    """Memory: 3 s."""
    _BEGIN, _GO_ON = 0.55, 0.35
    """Share of notes in the memory at which music begins, and from which it goes on."""
    _VOICED = 0.3
    """With a larger share of speech somebody speaks or sings."""
    _VOICE_BLOCKS = 5
    """Blocks of speech in a row after which somebody speaks over the music or after it."""
    _LIVELY_DB = 4.0
    _TUNE, _NOTE_BLOCKS, _SEMITONE = 3, 4, 0.03
    """Music swells and fades by the decibels above, or plays three notes of four blocks each that
    differ by half a semitone; a hum or a motor does neither."""

    def __init__(self) -> None:
        self._blocks = 0
        """How many were taken."""
        self._notes: deque[int] = deque()
        self._voices: deque[int] = deque()
        """Numbers of those in the memory that have a note, and of those with speech."""
        self._levels: deque[float] = deque(maxlen=self._BLOCKS)
        self._lines: deque[float] = deque(maxlen=self._BLOCKS)
        self._run = 0
        self.playing = False
        """Whether music sounds."""

    def feed(self, level_db: float, hz: float, *, note: bool, voiced: bool) -> bool:
        """Take one block, its level and its strongest line; True while music sounds."""
        self._blocks += 1
        for numbers, has in ((self._notes, note), (self._voices, voiced)):
            if has:
                numbers.append(self._blocks)
            if numbers and numbers[0] <= self._blocks - self._BLOCKS:
                numbers.popleft()
        self._levels.append(level_db)
        self._lines.append(hz if note else 0.0)
        self._run = self._run + 1 if voiced else 0
        if self._run >= self._VOICE_BLOCKS:
            self._notes.clear()
        enough = self._GO_ON if self.playing else self._BEGIN
        self.playing = (
            len(self._notes) >= enough * self._BLOCKS
            and len(self._voices) <= self._VOICED * self._BLOCKS
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
        self._notes.clear()
        self._voices.clear()
        self._levels.clear()
        self._lines.clear()
        self._run = 0
        self.playing = False
