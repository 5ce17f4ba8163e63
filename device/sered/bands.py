"""An utterance's sound to the energies of its frames in the mel filters of the telephone's band."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.features import Recipe

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]

_AT_ONCE = 96
"""Frames that are transformed at once."""
_SCALE = 100
"""Of the emphasised sound."""


def edges_hz(recipe: Recipe) -> Floats:
    """Where the filters begin, peak and end, evenly in mel, (filters + 2,)."""
    low, high = 2595 * np.log10(1 + np.array([recipe.low_hz, recipe.high_hz]) / 700)
    return np.asarray(700 * (10 ** (np.linspace(low, high, recipe.filters + 2) / 2595) - 1))


@lru_cache(maxsize=4)
def filter_bank(recipe: Recipe) -> Floats:
    """Triangular mel filters, (filters, frame // 2 + 1), on python_speech_features' bins."""
    edges = np.floor((recipe.frame + 1) * edges_hz(recipe) / recipe.rate_hz)[:, None]
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(recipe.frame // 2 + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where((bins >= low) & (bins < mid), (bins - low) / (mid - low), 0.0)
        fall = np.where((bins >= mid) & (bins < high), (high - bins) / (high - mid), 0.0)
    return np.asarray(rise + fall)


@dataclass(frozen=True, slots=True)
class _Transform:
    """The bins that a filter looks at, even ones before odd ones.

    The telephone's band is less than half of a Fourier transform's bins. Samples equally far
    before and after a frame's middle meet the same window and the same cosine, and sines of the
    opposite sign; samples equally far from the middle of a half meet the same or the opposite
    cosine. So sums and differences of quarters of a frame are enough, in matrix products of a
    quarter's length: that takes less time than numpy's transform.
    """

    near: Floats
    """Window over the quarters beside the middle, leading away from it, (frame // 4,)."""
    far: Floats
    """Window over the outer quarters, leading inwards from the ends, (frame // 4,)."""
    even: tuple[Floats, Floats]
    """Cosines and sines, each (frame // 4, even bins)."""
    odd: tuple[Floats, Floats]
    weights: Floats
    """From power to filters, (bins, filters)."""

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, recipe: Recipe) -> Self:
        bank = filter_bank(recipe)
        bins = np.flatnonzero(bank.any(axis=0))
        even, odd = bins[bins % 2 == 0], bins[bins % 2 == 1]
        time = 2 * np.pi / recipe.frame * (np.arange(recipe.frame // 4)[:, None] + 0.5)
        near, far = np.split(np.hamming(recipe.frame)[recipe.frame // 2 :], 2)
        weights = bank[:, np.concatenate((even, odd))].T / (recipe.frame * _SCALE**2)
        return cls(
            near, far[::-1].copy(),
            (np.cos(time * even), np.sin(time * even)), (np.cos(time * odd), np.sin(time * odd)),
            np.ascontiguousarray(weights),
        )  # fmt: skip


def emphasised(pcm: NDArray[np.int16], recipe: Recipe) -> Singles:
    """A hundred times the emphasised sound: whole numbers, which float32 holds exactly."""
    sound = pcm.astype(np.float32)
    signal = sound * np.float32(_SCALE)
    signal[1:] -= sound[:-1] * np.float32(_SCALE * recipe.preemphasis)
    return signal


def _quarters(signal: Singles, count: int, recipe: Recipe) -> list[Floats]:
    """Views of every frame's quarters, (count, frame // 4): after the middle and before it, then
    the last and the first, each read as _Transform has them."""
    quarter, step = recipe.frame // 4, recipe.step
    padded = np.zeros((count - 1) * step + recipe.frame)
    padded[: len(signal)] = signal
    back = padded[::-1].copy()
    end, size = len(padded), padded.itemsize
    # numpy's own windows take longer to make than to use
    return [
        np.ndarray((count, quarter), float, sound, start * size, (hop * size, size))
        for sound, start, hop in (
            (padded, 2 * quarter, step),
            (back, end - 2 * quarter, -step),
            (back, end - recipe.frame, -step),
            (padded, 0, step),
        )
    ]


def energies(signal: Singles, recipe: Recipe) -> Floats:
    """Filter energies of every frame, (frames, filters), never zero; the last frame is padded."""
    count = 1 + max(0, -(-(len(signal) - recipe.frame) // recipe.step))
    after, before, last, first = _quarters(signal, count, recipe)
    it = _Transform.of(recipe)
    cut = it.even[0].shape[1]
    bands = np.empty((count, recipe.filters))
    cosines, sines = np.empty((2, min(count, _AT_ONCE), len(it.weights)))
    # not all frames at once: these stay in the processor's cache
    for start in range(0, count, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        near, near_apart = (after[some] + before[some]) * it.near, after[some] - before[some]
        far, far_apart = (last[some] + first[some]) * it.far, last[some] - first[some]
        near_apart *= it.near
        far_apart *= it.far
        power, rest = cosines[: len(near)], sines[: len(near)]
        np.matmul(near + far, it.even[0], out=power[:, :cut])
        np.matmul(near - far, it.odd[0], out=power[:, cut:])
        np.matmul(near_apart - far_apart, it.even[1], out=rest[:, :cut])
        np.matmul(near_apart + far_apart, it.odd[1], out=rest[:, cut:])
        power *= power
        rest *= rest
        power += rest
        np.matmul(power, it.weights, out=bands[some])
    bands[bands == 0] = np.finfo(float).eps
    return bands
