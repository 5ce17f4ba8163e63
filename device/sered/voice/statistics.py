"""The MFCC recipe: an utterance's sound in, a vector of level- and length-free statistics out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sered.voice import cepstral, pitch
from sered.voice.contours import percentiles, third_change
from sered.voice.mel import edges_hz, energies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.voice.recipe import Recipe

    Floats = NDArray[np.float64]

_LEVEL = (
    "spread", "p5", "p25", "p75", "p95", "move spread", "move size", "fall", "rise",
    "change", "voiced share", "onset rate", "crest rate", "top",
)  # fmt: skip
_BALANCES = ("centre", "width", "below 1 kHz", "peak below 2 kHz", "below 600 Hz")
_BALANCE_BLOCKS = ("mean", "spread", "p10", "p50", "p90", "move size", "loud", "loud spread")
_FIRST = 13
"""Cepstra that are measured on the pitched frames alone, too."""
_RUNS = ("voiced", "pause", "pitched")


@lru_cache(maxsize=4)
def _cosines(recipe: Recipe) -> Floats:
    """Orthonormal DCT-II and lifter in one (filters, cepstra) matrix."""
    order = np.arange(recipe.cepstra)
    points = np.arange(recipe.filters)[:, None]
    matrix = np.cos(np.pi * order * (2 * points + 1) / (2 * recipe.filters))
    matrix *= np.sqrt(2 / recipe.filters)
    matrix[:, 0] *= np.sqrt(0.5)
    if recipe.lifter > 0:
        matrix *= 1 + recipe.lifter / 2 * np.sin(np.pi * order / recipe.lifter)
    return np.asarray(matrix)


def mfcc(pcm: NDArray[np.int16], recipe: Recipe) -> Floats:
    """MFCCs, (frames, cepstra); those of python_speech_features without `appendEnergy`."""
    return np.asarray(np.log(energies(pcm, recipe)) @ _cosines(recipe))


def _loudest(energy: Floats) -> float:
    """The fifth-loudest frame: no click, and the same whatever silence is around."""
    return float(np.partition(energy, -5)[-5] if len(energy) >= 5 else energy.max())


def _voiced(level: Floats, recipe: Recipe) -> NDArray[np.bool_]:
    """Frames that carry voice, judged by levels (nats) within the utterance alone."""
    top = _loudest(level)
    lowest = top - recipe.voice_range_db * np.log(10) / 10
    near = np.flatnonzero(level >= lowest)
    bottom = float(percentiles(level[near[0] : near[-1] + 1], (0.05,))[0])
    # in noise the pauses come close: then a third of the way up is as low as voice goes
    return np.asarray(level >= max(lowest, bottom + 0.33 * (top - bottom)))


def _balance(bands: Floats, centre: Floats, loud: NDArray[np.bool_], kilohertz: Floats) -> Floats:
    """Where the energy of the voiced frames lies in the band, and how that moves."""
    share = bands / bands.sum(axis=1, keepdims=True)
    tracks = np.stack((
        centre,
        np.sqrt(np.maximum(share @ kilohertz**2 - centre**2, 1e-6)),
        np.log(share[:, kilohertz < 1].sum(axis=1) / share[:, kilohertz >= 1].sum(axis=1)),
        np.log(share[:, kilohertz < 2].max(axis=1) / share[:, kilohertz >= 2].max(axis=1)),
        np.log(share[:, kilohertz < 0.6].sum(axis=1)
               / share[:, (kilohertz >= 0.6) & (kilohertz < 1.5)].sum(axis=1)),
    ), axis=1)  # fmt: skip
    return np.concatenate((
        tracks.mean(axis=0), tracks.std(axis=0), *percentiles(tracks, (0.1, 0.5, 0.9)),
        np.abs(np.diff(tracks, axis=0)).mean(axis=0), tracks[loud].mean(axis=0),
        tracks[loud].std(axis=0),
    ))  # fmt: skip


def _level_statistics(level: Floats, voiced: NDArray[np.bool_]) -> list[float]:
    """Of the loudness contour (nats) between the first and the last voiced frame."""
    heard = level[voiced]
    p5, p25, p50, p75, p95 = percentiles(heard, (0.05, 0.25, 0.5, 0.75, 0.95))
    move = np.diff(level)
    fall, rise = percentiles(move, (0.1, 0.9))
    onsets = np.count_nonzero(voiced[1:] & ~voiced[:-1])
    smooth = np.convolve(level, [0.25, 0.5, 0.25], "same")
    crest = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & voiced[1:-1]
    return [
        heard.std(), p5 - p50, p25 - p50, p75 - p50, p95 - p50,
        move.std(), np.abs(move).mean(), fall, rise, third_change(level, voiced.astype(float)),
        voiced.mean(), onsets / len(level), crest.sum() / len(level), heard.max() - p50,
    ]  # fmt: skip


def _runs(marked: NDArray[np.bool_]) -> list[float]:
    """Mean, spread and longest of the unbroken stretches, as logarithms of frames."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    length = ends[1::2] - ends[::2]
    return [*np.log1p([length.mean(), length.std(), length.max()])] if len(length) else [0.0] * 3


def windows(pcm: NDArray[np.int16], recipe: Recipe) -> list[NDArray[np.int16]]:
    """The utterance in as few equal parts as are no longer than the recipe's longest window."""
    count = max(1, -(-len(pcm) // int(recipe.longest_s * recipe.rate_hz)))
    return np.array_split(pcm, count)


def statistics(pcm: NDArray[np.int16], recipe: Recipe) -> NDArray[np.float32] | None:
    """One vector for one utterance, (len(names(recipe)),); None where there is too little voice.

    Gain, length and silence around the speech change nothing.
    """
    if len(pcm) < recipe.frame or not pcm.any():
        return None
    bands = energies(pcm, recipe)
    energy = bands.sum(axis=1)
    bands = bands + _loudest(energy) / recipe.filters * 10 ** (recipe.floor_db / 10)
    level = np.log(energy)
    voiced = _voiced(level, recipe)
    kept = np.flatnonzero(voiced)
    if len(kept) < recipe.min_voiced:
        return None
    logs = np.log(bands)
    cepstra = logs @ _cosines(recipe)
    cepstra[:, 0] -= cepstra[kept, 0].mean()
    level -= level[kept].mean()
    kilohertz = edges_hz(recipe)[1:-1] / 1000
    centre = bands @ kilohertz / bands.sum(axis=1)
    span = slice(kept[0], kept[-1] + 1)
    loud = level[kept] >= percentiles(level[kept], (0.67,))[0]
    # every second frame: the pitch's own windows are twice as long
    every = kept[::2]
    tone, clarity = pitch.contour(pcm, recipe, every)
    clear = clarity >= recipe.pitch_clarity
    sung = cepstra[every[clear], :_FIRST] if clear.sum() >= 2 else cepstra[kept, :_FIRST]
    return np.concatenate((
        *cepstral.statistics(cepstra, kept, loud),
        (logs[kept] - level[kept, None]).std(axis=0),
        _balance(bands[kept], centre[kept], loud, kilohertz),
        sung.mean(axis=0) - cepstra[kept, :_FIRST].mean(axis=0), sung.std(axis=0),
        _level_statistics(level[span], voiced[span]),
        _runs(voiced[span]), _runs(~voiced[span]), _runs(clear),
        pitch.statistics(tone, clarity, level[every], recipe),
    ), dtype=np.float32)  # fmt: skip


def names(recipe: Recipe) -> list[str]:
    """What each number is, in the order of `statistics`."""
    lean = [f"c{order}" for order in range(_FIRST)]
    return [
        *cepstral.names(recipe.cepstra),
        *(f"band {number} spread" for number in range(recipe.filters)),
        *(f"{balance} {block}" for block in _BALANCE_BLOCKS for balance in _BALANCES),
        *(f"{name} pitched" for name in lean),
        *(f"{name} pitched spread" for name in lean),
        *(f"level {word}" for word in _LEVEL),
        *(f"{run} run {word}" for run in _RUNS for word in ("mean", "spread", "longest")),
        *(f"pitch {word}" for word in pitch.NAMES),
    ]
