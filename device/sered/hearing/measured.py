"""What the sound of one side measures, whatever was heard before: many frames at a time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing.tones import LONG, NOTE, SHORT, dtmf_keys, howls, peaks, spectra
from sered.levels import powers_db
from sered.records import BLOCK, FRAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLOCKS = FRAME // BLOCK
"""Of a frame."""
AT_ONCE = 8
"""Frames whose spectra are taken together, at most: what they need stays in the cache."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The spectral lines of one frame; an entry a block."""

    first_hz: list[float]
    """Of the strongest; 0, as of the second, where both have no more than noise ..."""
    second_hz: list[float]
    """... and of the second."""
    first_share: list[float]
    """Of the energy between 200 and 3600 Hz."""
    second_share: list[float]
    tonal: list[float]
    """Both shares together."""
    keys: list[str]
    """DTMF, or ''."""
    howls: list[float]
    """Share of the howler's lines."""


class Measured:
    """Frames that follow one on another, after the frame `before` them (FRAME samples).

    Levels are measured at once, spectra when a frame's are asked for.
    """

    def __init__(self, before: NDArray[np.float32], frames: Sequence[NDArray[np.int16]]) -> None:
        self.sound = np.empty((len(frames) + 1, BLOCKS, BLOCK), np.float32)
        """On the scale of int16; the first frame is the one before."""
        rows = self.sound.reshape(-1, FRAME)
        rows[0] = before
        for row, pcm in zip(rows[1:], frames, strict=True):
            row[:] = pcm
        self._flat = self.sound.reshape(-1)
        blocks = self.sound[1:].reshape(-1, BLOCK)
        means = blocks.mean(axis=1)
        power = np.einsum("ij,ij->i", blocks, blocks) / BLOCK - means * means
        steps = np.diff(self._flat[FRAME - 1 :]).reshape(-1, BLOCK)
        levels = powers_db(power).reshape(-1, BLOCKS)
        self.levels_db: list[list[float]] = levels.tolist()
        """dBFS, an entry a block of each frame."""
        hiss = powers_db(np.einsum("ij,ij->i", steps, steps) / BLOCK)
        self.hiss_db: list[list[float]] = hiss.reshape(-1, BLOCKS).tolist()
        """Of the steps from sample to sample."""
        self.loudest_db: list[float] = levels.max(axis=1).tolist()
        self.quietest_db: list[float] = levels.min(axis=1).tolist()
        self._lines: dict[int, Lines] = {}

    def last(self, at: int) -> int:
        """The frame after the last of those, from `at` on, that may be measured with it."""
        return min(at + AT_ONCE, len(self.loudest_db))

    def while_over(self, at: int, threshold_db: float) -> int:
        """The frame after `at` from which on, for now, nothing is louder; at most AT_ONCE later."""
        until = at + 1
        while until < self.last(at) and self.loudest_db[until] > threshold_db:
            until += 1
        return until

    def lines(self, at: int, until: int) -> Lines:
        """Of the frame `at`; those before `until` will probably be asked for next."""
        if at not in self._lines:
            self._lines = dict(enumerate(self._look(at, until), at))
        return self._lines[at]

    def _look(self, at: int, until: int) -> list[Lines]:
        heard = self._flat[(at + 1) * FRAME - (LONG - BLOCK) : (until + 1) * FRAME]
        found = peaks(spectra(heard, LONG), LONG, NOTE)
        short = spectra(heard, SHORT)
        both = (found.first_share + found.second_share).tolist()
        first_hz, second_hz = found.first_hz.tolist(), found.second_hz.tolist()
        first, second = found.first_share.tolist(), found.second_share.tolist()
        keys, howling = dtmf_keys(short), howls(short).tolist()
        return [
            Lines(
                first_hz[of], second_hz[of], first[of], second[of], both[of], keys[of], howling[of]
            )
            for of in (slice(k, k + BLOCKS) for k in range(0, len(keys), BLOCKS))
        ]
