"""Levels of 16-bit sound: full scale, decibels, clipping; everybody measures with these. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_SCALE = 32_768.0
LOWEST_DB = -99.0
"""What digital silence is given: 3 dB below the faintest that 16 bits can hold."""
CLIPPED = 32_600
"""Samples from here to full scale were cut off: a converter that clips, resampled, ripples by so
much (0.04 dB)."""
STEADY_DB, STEADY_TAIL = 6, 0.02
"""A channel whose level moves no more carries a hum or a hiss, but for so many of its blocks at
either end: speech goes up and down by 20 dB."""
_FAINTEST = 0.01
"""Mean square under which blocks are all equally silent."""


def level_db(pcm: NDArray[np.int16]) -> float:
    """RMS in dBFS, without the offset; LOWEST_DB for nothing."""
    wide = pcm.astype(np.float32)
    power = float(np.dot(wide, wide)) / len(wide) - float(wide.mean()) ** 2
    return amplitude_db(math.sqrt(max(power, 0.0)) / FULL_SCALE)


def amplitude_db(ratio: float) -> float:
    """An amplitude's share of full scale in dBFS, not below LOWEST_DB."""
    return max(20.0 * math.log10(ratio), LOWEST_DB) if ratio > 0 else LOWEST_DB


def powers_db(powers: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean squares of int16 samples in dBFS; -110 for nothing."""
    full = np.maximum(powers, _FAINTEST).astype(np.float64) / FULL_SCALE**2
    return np.asarray(10.0 * np.log10(full))


def clipped_share(pcm: NDArray[np.int16]) -> float:
    """Share of samples that were cut off at full scale; 0 for no sound."""
    if not len(pcm) or max(int(pcm.max()), -int(pcm.min())) < CLIPPED:
        return 0.0
    return float(np.mean(np.abs(pcm.astype(np.float32)) >= CLIPPED))
