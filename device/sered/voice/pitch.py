"""The pitch contour from the harmonics of the telephone's band, and what it says as a whole."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sered.voice.contours import percentiles, third_change

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.voice.recipe import Recipe

    Floats = NDArray[np.float64]

_POINTS = 512
"""Of the autocorrelation: half of the band is enough for the pitch, at half of the rate."""
_TOP_HZ = 2000.0
"""Harmonics above say little: they blur as the pitch moves within a frame."""
_AT_ONCE = 32
"""Frames that are transformed at once, at most: what they need stays in the processor's cache."""
_FEWEST = 12
"""Frames with a pitch below which there is no contour."""

NAMES = (
    "share", "clarity", "clarity p10", "clarity p50", "clarity p90", "steady share",
    "p50", "mean", "p5", "p25", "p75", "p95", "spread", "move size", "move", "move spread",
    "move p90", "with level", "change", "slope", "curve", "wave",
)  # fmt: skip


@lru_cache(maxsize=4)
def _window(length: int) -> Floats:
    return np.hanning(length)


def contour(
    pcm: NDArray[np.int16], recipe: Recipe, frames: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Pitch (octaves above 100 Hz) and clarity (0 to 1) around the given frames, at any level.

    The autocorrelation of the band's amplitude spectrum: the harmonics tell the period even where
    the line has cut the fundamental off.
    """
    length, margin = 2 * recipe.frame, recipe.frame // 2
    # one sample more in front, for the pre-emphasis
    padded = np.zeros(1 + margin + len(pcm) + length, np.int16)
    padded[1 + margin : 1 + margin + len(pcm)] = pcm
    windows = np.lib.stride_tricks.sliding_window_view(padded, 1 + length)
    hertz = np.arange(_POINTS // 2 + 1) * recipe.rate_hz / length
    bins = slice(*np.searchsorted(hertz, (recipe.low_hz, np.nextafter(_TOP_HZ, np.inf))))
    windowed = np.empty((_AT_ONCE, length))
    amplitude = np.zeros((_AT_ONCE, _POINTS // 2 + 1))
    found = np.empty((2, len(frames)))
    for start in range(0, len(frames), _AT_ONCE):
        part = frames[start : start + _AT_ONCE]
        some = slice(0, len(part))
        pieces = windows[part * recipe.step]
        np.multiply(pieces[:, :-1], -recipe.preemphasis, out=windowed[some])
        windowed[some] += pieces[:, 1:]
        windowed[some] *= _window(length)
        spectrum = np.fft.rfft(windowed[some])[:, bins]
        amplitude[some, bins] = np.sqrt(spectrum.real**2 + spectrum.imag**2)
        correlation = np.fft.irfft(amplitude[some], _POINTS)
        found[:, start : start + len(part)] = _peaks(correlation, recipe, hertz[1])
    return found[0], found[1]


def _peaks(correlation: Floats, recipe: Recipe, bin_hz: float) -> tuple[Floats, Floats]:
    """Where each row's highest peak lies between the pitches of the recipe, and how high it is."""
    rate = bin_hz * _POINTS
    first, last = int(rate / recipe.pitch_high_hz), int(rate / recipe.pitch_low_hz)
    # a little less for longer lags, or half the pitch wins as often as the pitch
    lean = 1 - 0.15 * np.arange(first, last + 1) / last
    peak = np.argmax(correlation[:, first : last + 1] * lean, axis=1) + first
    row = np.arange(len(peak))
    before, at, after = (correlation[row, peak + shift] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.clip(0.5 * (before - after) / np.where(bend == 0, 1.0, bend), -0.5, 0.5)
    total = np.where(correlation[:, 0] == 0, 1.0, correlation[:, 0])
    return np.log2(rate / (peak + shift) / 100), at / total


def _shape(time: Floats, heard: Floats) -> Floats:
    """Slope, curve and wave: the contour's Legendre coefficients, damped where frames are few."""
    basis = np.stack(
        (np.ones_like(time), time, (3 * time**2 - 1) / 2, (5 * time**3 - 3 * time) / 2)
    )
    return np.asarray(np.linalg.solve(basis @ basis.T + 1e-3 * np.eye(4), basis @ heard)[1:])


def statistics(pitch: Floats, clarity: Floats, level: Floats, recipe: Recipe) -> Floats:
    """Of the contour, (len(NAMES),), in octaves; zeros for the pitch where there is hardly one."""
    clear = clarity >= recipe.pitch_clarity
    move = np.diff(pitch)
    both = clear[1:] & clear[:-1] & (np.abs(move) < 0.3)
    head = [clear.mean(), clarity.mean(), *percentiles(clarity, (0.1, 0.5, 0.9)), both.mean()]
    if clear.sum() < _FEWEST:
        return np.array(head + [0.0] * (len(NAMES) - len(head)))
    heard = pitch[clear]
    p5, p25, p50, p75, p95 = percentiles(heard, (0.05, 0.25, 0.5, 0.75, 0.95))
    move = move[both] if both.any() else np.zeros(1)
    tone, loud = heard - heard.mean(), level[clear] - level[clear].mean()
    together = (tone @ loud) / (np.sqrt((tone @ tone) * (loud @ loud)) + 1e-9)
    time = np.linspace(-1, 1, len(pitch))[clear]
    return np.array([
        *head, p50, heard.mean(), p5 - p50, p25 - p50, p75 - p50, p95 - p50, heard.std(),
        np.abs(move).mean(), move.mean(), move.std(), percentiles(np.abs(move), (0.9,))[0],
        together, third_change(pitch, clear.astype(float)), *_shape(time, heard),
    ])  # fmt: skip
