"""An utterance's sound to the energies of its frames in the mel filters of the telephone's band."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.voice.recipe import Recipe

    Floats = NDArray[np.float64]

_AT_ONCE = 30
"""Frames that are transformed at once, at most: what they need stays in the processor's cache, and
is so little that the C library does not ask the system for it anew each time."""


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


@lru_cache(maxsize=4)
def _looked_at(recipe: Recipe) -> tuple[slice, Floats, Floats]:
    """The bins that a filter looks at; the window; weights of their parts, real and imaginary in
    turns, (2 bins, filters)."""
    bank = filter_bank(recipe)
    bins = np.flatnonzero(bank.any(axis=0))
    heard = slice(int(bins[0]), int(bins[-1]) + 1)
    weights = np.repeat(bank[:, heard].T, 2, axis=0) / recipe.frame
    return heard, np.hamming(recipe.frame), np.ascontiguousarray(weights)


def energies(pcm: NDArray[np.int16], recipe: Recipe) -> Floats:
    """Filter energies of every frame, (frames, filters), never zero; the last frame is padded."""
    length, step = recipe.frame, recipe.step
    count = 1 + max(0, -(-(len(pcm) - length) // step))
    heard, window, weights = _looked_at(recipe)
    bands = np.empty((count, recipe.filters))
    # not all at once, and in the same room: a few of the last are done twice
    some = -(-count // -(-count // _AT_ONCE))
    sound, before = np.empty((2, (some - 1) * step + length))
    frames: Floats = np.ndarray((some, length), float, sound, 0, (8 * step, 8))
    windowed, power = np.empty((some, length)), np.empty((some, len(weights)))
    for start in [*range(0, count - some, some), count - some]:
        first = start * step
        piece = pcm[first : first + len(sound)]
        held = len(piece)
        sound[:held], sound[held:] = piece, 0.0
        earlier = pcm[first - 1 : first - 1 + held] if first else piece[:-1]
        fresh = held - len(earlier)
        np.multiply(earlier, recipe.preemphasis, out=before[fresh:held])
        sound[fresh:held] -= before[fresh:held]
        spectrum = np.fft.rfft(np.multiply(frames, window, out=windowed))
        np.square(spectrum[:, heard].view(float), out=power)
        np.matmul(power, weights, out=bands[start : start + some])
    bands[bands == 0] = np.finfo(float).eps
    return bands
