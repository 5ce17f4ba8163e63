"""Sound that stands still holds no word, and a recogniser gets lost in it: it is left out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.records import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOW, _HOP = 1024, 512
_LOWEST, _HIGHEST, _BAND = 4, 260, 8
"""Lines of the spectrum that are looked at, 60 to 4,060 Hz, and how many are taken together."""
_APART = 4
"""Windows that are compared: 128 ms lie between them."""
_STILL = 0.1
"""Of the power, what may lie in other bands than before. In 60 recordings of speech no stretch
stands so still for longer than 0.26 s, and white noise never does."""
LONGEST_S = 3.0
"""Nobody holds a vowel so evenly for so long. Vosk's search doubles with each second of a steady
chord: ten take it 0.8 s, twelve more than half a minute."""
_LEAST = round(0.3 * RATE_HZ)
"""Samples of a piece that may hold a word."""


def moving(pcm: NDArray[np.int16]) -> list[tuple[int, int]]:
    """What is left of 16 kHz sound without its steady stretches: first sample, and that after the
    last. Nearly always all of it."""
    if len(pcm) < LONGEST_S * RATE_HZ:
        return [(0, len(pcm))]
    still = _still(pcm)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], still, [False])).astype(np.int8)))
    out, at = [], 0
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        begin, end = first * _HOP, (last - 1 + _APART) * _HOP + _WINDOW
        if end - begin >= LONGEST_S * RATE_HZ:
            out.append((at, begin))
            at = end
    return [
        (begin, end) for begin, end in [*out, (at, len(pcm))] if end - begin >= _LEAST or not at
    ]


def _still(pcm: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Of each window but the last ones, whether the later one has the same spectrum."""
    windows = np.lib.stride_tricks.sliding_window_view(pcm, _WINDOW)[::_HOP]
    spectrum = np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)[:, _LOWEST:_HIGHEST]
    power = (spectrum.real**2 + spectrum.imag**2).reshape(len(windows), -1, _BAND).sum(axis=2)
    shares = power / np.maximum(power.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.abs(shares[_APART:] - shares[:-_APART]).sum(axis=1) < _STILL)
