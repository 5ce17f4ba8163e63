"""The cepstral contours of an utterance: where they lie, spread, move, lean and go together."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sered.voice.contours import percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LAGS = (4, 8, 16)
"""Frames (32, 64, 128 ms) at which a contour is compared with itself: its modulation."""
_BLOCKS = ("spread", "p10", "p50", "p90", "loud", "delta spread", "delta size", "bend", "slope")
"""Of every cepstral contour."""
_SHAPED, _SKEWED = 6, 13
"""How many of the first contours have their modulation and their lopsidedness measured."""
_TOGETHER, _MOVING_TOGETHER = 12, 6
"""How many are compared with each other, and how many of their movements."""


def _deltas(track: Floats) -> Floats:
    """Slope a frame over five frames, edges repeated."""
    padded = np.concatenate((track[:1], track[:1], track, track[-1:], track[-1:]))
    return np.asarray((padded[3:-1] - padded[1:-3] + 2 * (padded[4:] - padded[:-4])) / 10)


def _modulation(track: Floats) -> list[Floats]:
    """How alike each contour is to itself some frames later, -1 to 1."""
    centred = track - track.mean(axis=0)
    power = (centred**2).mean(axis=0) + 1e-9
    return [
        (centred[lag:] * centred[:-lag]).mean(axis=0) / power
        if lag < len(track)
        else np.zeros(track.shape[1])
        for lag in _LAGS
    ]


@lru_cache(maxsize=4)
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of every contour and a later one."""
    return np.triu_indices(count, 1)


def _alike(track: Floats) -> Floats:
    """Correlation of every contour with every other: upper triangle, row by row."""
    scaled = (track - track.mean(axis=0)) / (track.std(axis=0) + 1e-6)
    return np.asarray((scaled.T @ scaled / len(track))[_pairs(track.shape[1])])


def statistics(cepstra: Floats, kept: NDArray[np.intp], loud: NDArray[np.bool_]) -> list[Floats]:
    """Of all frames' cepstra, (frames, cepstra), as many numbers as `names` in all.

    `kept` are the voiced frames, `loud` the loud ones among them.
    """
    first = _deltas(cepstra)
    heard, moving = cepstra[kept], first[kept]
    mean, spread = heard.mean(axis=0), heard.std(axis=0)
    time = np.linspace(-1, 1, len(kept))
    span = cepstra[kept[0] : kept[-1] + 1]
    flux = np.sqrt((np.diff(span[:, 1:13], axis=0) ** 2).sum(axis=1))
    rising = moving[:, 0] > 0
    scaled = (heard[:, :_SKEWED] - mean[:_SKEWED]) / (spread[:_SKEWED] + 1e-6)
    # not ** 3, which takes a logarithm of every number
    lean = (scaled * scaled * scaled).mean(axis=0)
    rise = heard[rising].mean(axis=0) - mean if rising.any() else np.zeros_like(mean)
    return [
        mean[1:], spread, *(percentiles(heard, (0.1, 0.5, 0.9)) - mean),
        heard[loud].mean(axis=0) - mean, moving.std(axis=0), np.abs(moving).mean(axis=0),
        _deltas(first)[kept].std(axis=0), time @ heard / (time @ time),
        *_modulation(span[:, :_SHAPED]), lean, rise[1 : _SKEWED + 1],
        _alike(heard[:, :_TOGETHER]), _alike(moving[:, :_MOVING_TOGETHER]),
        percentiles(flux, (0.1, 0.5, 0.9)), flux.std(keepdims=True),
    ]  # fmt: skip


def names(cepstra: int) -> list[str]:
    """What each number is, in the order of `statistics`."""
    every = [f"c{order}" for order in range(cepstra)]
    return [
        *(f"{name} mean" for name in every[1:]),
        *(f"{name} {block}" for block in _BLOCKS for name in every),
        *(f"{name} modulation {lag}" for lag in _LAGS for name in every[:_SHAPED]),
        *(f"{name} lean" for name in every[:_SKEWED]),
        *(f"{name} rising" for name in every[1 : _SKEWED + 1]),
        *(f"c{a} with c{b}" for a, b in zip(*_pairs(_TOGETHER), strict=True)),
        *(f"c{a} moves with c{b}" for a, b in zip(*_pairs(_MOVING_TOGETHER), strict=True)),
        *(f"flux {word}" for word in ("p10", "p50", "p90", "spread")),
    ]
