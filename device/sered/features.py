"""The MFCC recipe: one utterance's sound in, one vector of level- and length-free statistics out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VERSION = 1
"""Raised whenever the same recipe would give other numbers."""

_LAGS = (4, 8, 16)
"""Frames (64, 128, 256 ms) at which a contour is compared with itself: its modulation."""
_CONTOURS = 6
"""The first cepstral contours whose modulation is measured."""
_LEVEL = (
    "spread", "p5", "p25", "p75", "p95", "move spread", "move size", "fall", "rise",
    "change", "voiced share", "onset rate", "crest rate", "top",
)  # fmt: skip
_PITCH = (
    "share", "clarity", "clarity p10", "clarity p50", "clarity p90", "p50", "mean", "p5", "p25",
    "p75", "p95", "spread", "move size", "move", "move spread", "move p90", "with level", "change",
    "steady share",
)  # fmt: skip
_PITCH_POINTS = 512
"""Of the autocorrelation: half of the band is enough for the pitch, at half of the rate."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that changes the numbers; travels in the model's sidecar."""

    version: int = VERSION
    rate_hz: int = 16_000
    frame: int = 512
    """Samples, also the points of the Fourier transform."""
    step: int = 256
    """Samples."""
    preemphasis: float = 0.97
    filters: int = 28
    low_hz: float = 200.0
    high_hz: float = 3500.0
    """The telephone's band: a wide-band headset gives the same numbers as a narrow one."""
    cepstra: int = 20
    lifter: int = 22
    floor_db: float = -45.0
    """Of the loudest frames' mean band: what is softer counts as this loud, so that neither the
    line's noise nor rounding at a low level reaches the statistics."""
    voice_range_db: float = 25.0
    """Frames this far below the loudest are not voice."""
    min_voiced: int = 10
    """Voiced frames below which there is nothing to judge: 160 ms."""
    pitch_low_hz: float = 65.0
    pitch_high_hz: float = 500.0
    pitch_clarity: float = 0.45
    """Height of the autocorrelation's peak from which a frame has a pitch."""

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Read a sidecar's recipe; ModelError when this version of sered cannot reproduce it."""
        known = {field.name for field in fields(cls)}
        if table.get("version") != VERSION or set(table) != known:
            raise ModelError(
                f"the model wants feature recipe {table.get('version')!r} with "
                f"{', '.join(sorted(set(table) ^ known)) or 'the same'} parameters, this sered "
                f"makes recipe {VERSION}: install the model and the sered that belong together"
            )
        return cls(**table)

    def to_dict(self) -> dict[str, Any]:
        """For the sidecar."""
        return asdict(self)


@lru_cache(maxsize=4)
def _window(recipe: Recipe) -> Floats:
    return np.hamming(recipe.frame)


@lru_cache(maxsize=4)
def filter_bank(recipe: Recipe) -> Floats:
    """Triangular mel filters, (filters, frame // 2 + 1), on the same bins as python_speech_features."""
    mels = np.linspace(
        *(2595 * np.log10(1 + np.array([recipe.low_hz, recipe.high_hz]) / 700)), recipe.filters + 2
    )
    hertz = 700 * (10 ** (mels / 2595) - 1)
    edges = np.floor((recipe.frame + 1) * hertz / recipe.rate_hz)[:, None]
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(recipe.frame // 2 + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where((bins >= low) & (bins < mid), (bins - low) / (mid - low), 0.0)
        fall = np.where((bins >= mid) & (bins < high), (high - bins) / (high - mid), 0.0)
    return np.asarray(rise + fall)


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


def _frames(signal: Floats, length: int, step: int) -> Floats:
    """Overlapping frames, (count, length); the last one is padded with zeros."""
    count = 1 + max(0, -(-(len(signal) - length) // step))
    padded = np.zeros((count - 1) * step + length)
    padded[: len(signal)] = signal
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::step]


def _emphasised(pcm: NDArray[np.int16], recipe: Recipe) -> Floats:
    signal = pcm.astype(np.float64)
    signal[1:] -= recipe.preemphasis * signal[:-1].copy()
    return signal


def _bands(signal: Floats, recipe: Recipe) -> Floats:
    """Filter energies of every frame, (frames, filters), never zero."""
    spectrum = np.fft.rfft(_frames(signal, recipe.frame, recipe.step) * _window(recipe))
    power = (spectrum.real**2 + spectrum.imag**2) / recipe.frame
    bands = power @ filter_bank(recipe).T
    return np.where(bands == 0, np.finfo(float).eps, bands)


def mfcc(pcm: NDArray[np.int16], recipe: Recipe) -> Floats:
    """MFCCs, (frames, cepstra); those of python_speech_features without `appendEnergy`."""
    return np.asarray(np.log(_bands(_emphasised(pcm, recipe), recipe)) @ _cosines(recipe))


def _voiced(level: Floats, recipe: Recipe) -> NDArray[np.bool_]:
    """Frames that carry voice, judged by levels (nats) within the utterance alone."""
    ordered = np.sort(level)
    top = ordered[int(0.95 * (len(ordered) - 1))]
    bottom = ordered[int(0.05 * (len(ordered) - 1))]
    # in noise the floor comes close: then a third of the way up is as low as voice goes
    floor = max(top - recipe.voice_range_db * np.log(10) / 10, bottom + 0.33 * (top - bottom))
    return np.asarray(level >= floor)


def _pitch(signal: Floats, recipe: Recipe, frames: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Pitch (octaves above 100 Hz) and clarity (0 to 1) around the given frames.

    The autocorrelation of the band's amplitude spectrum: the harmonics tell the period even
    where the line has cut the fundamental off.
    """
    length = 2 * recipe.frame
    padded = np.concatenate((np.zeros(recipe.frame // 2), signal, np.zeros(length)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)[frames * recipe.step]
    amplitude = np.abs(np.fft.rfft(windows * np.hanning(length))[:, : _PITCH_POINTS // 2 + 1])
    hertz = np.arange(amplitude.shape[1]) * recipe.rate_hz / length
    amplitude[:, (hertz < recipe.low_hz) | (hertz > 2000)] = 0.0
    correlation = np.fft.irfft(amplitude, _PITCH_POINTS)
    rate = recipe.rate_hz * _PITCH_POINTS / length
    first, last = int(rate / recipe.pitch_high_hz), int(rate / recipe.pitch_low_hz)
    lags = np.arange(first, last + 1)
    # a little less for longer lags, or half the pitch wins as often as the pitch
    peak = np.argmax(correlation[:, lags] * (1 - 0.15 * lags / last), axis=1) + first
    row = np.arange(len(peak))
    before, at, after = (correlation[row, peak + shift] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.clip(0.5 * (before - after) / np.where(bend == 0, 1.0, bend), -0.5, 0.5)
    total = np.where(correlation[:, 0] == 0, 1.0, correlation[:, 0])
    return np.log2(rate / (peak + shift) / 100), at / total


def _deltas(track: Floats) -> Floats:
    """Slope a frame over five frames, edges repeated."""
    padded = np.concatenate((track[:1], track[:1], track, track[-1:], track[-1:]))
    return np.asarray((padded[3:-1] - padded[1:-3] + 2 * (padded[4:] - padded[:-4])) / 10)


def _spread(rows: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """Percentiles down the rows, nearest below."""
    ordered = np.sort(rows, axis=0)
    return [ordered[int(share * (len(rows) - 1))] for share in shares]


def _modulation(track: Floats) -> list[Floats]:
    """How alike each contour is to itself some frames later, -1 to 1."""
    centred = track - track.mean(axis=0)
    power = (centred**2).mean(axis=0) + 1e-9
    out = []
    for lag in _LAGS:
        if lag < len(track):
            out.append((centred[lag:] * centred[:-lag]).mean(axis=0) / power)
        else:
            out.append(np.zeros(track.shape[1]))
    return out


def _third_change(track: Floats, weight: Floats) -> float:
    """Mean of the last third less mean of the first, weighted."""
    third = max(1, len(track) // 3)
    first, last = weight[:third], weight[-third:]
    return float(
        (track[-third:] @ last) / (last.sum() + 1e-9)
        - (track[:third] @ first) / (first.sum() + 1e-9)
    )


def _pitch_statistics(pitch: Floats, clarity: Floats, level: Floats, recipe: Recipe) -> list[float]:
    """Of the pitch contour, in octaves; zeros where hardly a frame has a pitch."""
    clear = clarity >= recipe.pitch_clarity
    spread = [float(value) for value in _spread(clarity, (0.1, 0.5, 0.9))]
    head = [float(clear.mean()), float(clarity.mean()), *spread]
    if clear.sum() < 4:
        return head + [0.0] * 14
    heard = pitch[clear]
    p5, p25, p50, p75, p95 = _spread(heard, (0.05, 0.25, 0.5, 0.75, 0.95))
    steady = np.abs(np.diff(pitch)) < 0.3
    both = clear[1:] & clear[:-1] & steady
    move = np.diff(pitch)[both] if both.any() else np.zeros(1)
    tone, loud = heard - heard.mean(), level[clear] - level[clear].mean()
    together = (tone @ loud) / (np.sqrt((tone @ tone) * (loud @ loud)) + 1e-9)
    return [
        *head,
        float(p50), float(heard.mean()), float(p5 - p50), float(p25 - p50), float(p75 - p50),
        float(p95 - p50), float(heard.std()), float(np.abs(move).mean()), float(move.mean()),
        float(move.std()), float(np.quantile(np.abs(move), 0.9)), float(together),
        _third_change(pitch, clear.astype(float)), float(both.mean()),
    ]  # fmt: skip


def _level_statistics(level: Floats, voiced: NDArray[np.bool_]) -> list[float]:
    """Of the loudness contour (nats) between the first and the last voiced frame."""
    heard = level[voiced]
    p5, p25, p50, p75, p95 = _spread(heard, (0.05, 0.25, 0.5, 0.75, 0.95))
    move = np.diff(level)
    f10, f90 = _spread(move, (0.1, 0.9))
    onsets = np.count_nonzero(voiced[1:] & ~voiced[:-1])
    smooth = np.convolve(level, [0.25, 0.5, 0.25], "same")
    crest = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & voiced[1:-1]
    return [
        float(heard.std()), float(p5 - p50), float(p25 - p50), float(p75 - p50), float(p95 - p50),
        float(move.std()), float(np.abs(move).mean()), float(f10), float(f90),
        _third_change(level, voiced.astype(float)), float(voiced.mean()),
        onsets / len(level), float(crest.sum()) / len(level), float(heard.max() - p50),
    ]  # fmt: skip


def statistics(pcm: NDArray[np.int16], recipe: Recipe) -> NDArray[np.float32] | None:
    """One vector for one utterance, (len(names(recipe)),); None where there is too little voice.

    Gain, length and silence around the speech change nothing.
    """
    if len(pcm) < recipe.frame or not pcm.any():
        return None
    signal = _emphasised(pcm, recipe)
    bands = _bands(signal, recipe)
    energy = bands.sum(axis=1)
    loudest = np.sort(energy)[int(0.95 * (len(energy) - 1))]
    bands = bands + loudest / recipe.filters * 10 ** (recipe.floor_db / 10)
    level = np.log(energy)
    voiced = _voiced(level, recipe)
    kept = np.flatnonzero(voiced)
    if len(kept) < recipe.min_voiced:
        return None
    cepstra = np.log(bands) @ _cosines(recipe)
    cepstra[:, 0] -= cepstra[kept, 0].mean()
    level -= level[kept].mean()
    span = slice(kept[0], kept[-1] + 1)
    first = _deltas(cepstra)
    second = _deltas(first)
    heard, moving = cepstra[kept], first[kept]
    p10, p50, p90 = _spread(heard, (0.1, 0.5, 0.9))
    loud = level[kept] >= np.sort(level[kept])[int(0.67 * (len(kept) - 1))]
    mean = heard.mean(axis=0)
    time = np.linspace(-1, 1, len(kept))
    flux = np.sqrt((np.diff(cepstra[span, 1:13], axis=0) ** 2).sum(axis=1))
    every = kept[::2]
    pitch, clarity = _pitch(signal, recipe, every)
    return np.concatenate((
        mean[1:], heard.std(axis=0), p10 - mean, p50 - mean, p90 - mean,
        heard[loud].mean(axis=0) - mean, moving.std(axis=0), np.abs(moving).mean(axis=0),
        second[kept].std(axis=0), time @ heard / (time @ time),
        *_modulation(cepstra[span, :_CONTOURS]),
        *_spread(flux, (0.1, 0.5, 0.9)) , [flux.std()],
        _level_statistics(level[span], voiced[span]),
        _pitch_statistics(pitch, clarity, level[every], recipe),
    ), axis=None).astype(np.float32)  # fmt: skip


def names(recipe: Recipe) -> list[str]:
    """What each number is, in the order of `statistics`."""
    every = [f"c{order}" for order in range(recipe.cepstra)]
    blocks = ("spread", "p10", "p50", "p90", "loud", "delta spread", "delta size", "bend", "slope")
    return [
        *(f"{name} mean" for name in every[1:]),
        *(f"{name} {block}" for block in blocks for name in every),
        *(f"{name} modulation {lag}" for lag in _LAGS for name in every[:_CONTOURS]),
        *(f"flux {word}" for word in ("p10", "p50", "p90", "spread")),
        *(f"level {word}" for word in _LEVEL),
        *(f"pitch {word}" for word in _PITCH),
    ]
