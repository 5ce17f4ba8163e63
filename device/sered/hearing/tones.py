"""Call-progress tones and DTMF: the plans as data, and the detectors."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.records import BLOCK, RATE_HZ, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tone:
    """One call-progress tone."""

    state: State
    hz: tuple[float, ...]
    """Sounding together."""
    cadence_s: tuple[float, ...] = ()
    """On, off, on, off ...; empty: continuous."""


PLANS: dict[str, tuple[Tone, ...]] = {
    "na": (
        Tone(State.DIAL, (350.0, 440.0)),
        Tone(State.RINGBACK, (440.0, 480.0), (2.0, 4.0)),
        Tone(State.BUSY, (480.0, 620.0), (0.5, 0.5)),
        Tone(State.REORDER, (480.0, 620.0), (0.25, 0.25)),
    ),
    "etsi": (
        Tone(State.DIAL, (425.0,)),
        Tone(State.RINGBACK, (425.0,), (1.0, 4.0)),
        Tone(State.BUSY, (425.0,), (0.5, 0.5)),
        Tone(State.REORDER, (425.0,), (0.25, 0.25)),
    ),
    "uk": (
        Tone(State.DIAL, (350.0, 440.0)),
        Tone(State.RINGBACK, (400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
        Tone(State.BUSY, (400.0,), (0.375, 0.375)),
        Tone(State.REORDER, (400.0,), (0.4, 0.35, 0.225, 0.525)),
    ),
    "fr": (
        Tone(State.DIAL, (440.0,)),
        Tone(State.RINGBACK, (440.0,), (1.5, 3.5)),
        Tone(State.BUSY, (440.0,), (0.5, 0.5)),
        Tone(State.REORDER, (440.0,), (0.25, 0.25)),
    ),
    "au": (
        Tone(State.DIAL, (413.0, 438.0)),
        Tone(State.RINGBACK, (413.0, 438.0), (0.4, 0.2, 0.4, 2.0)),
        Tone(State.BUSY, (425.0,), (0.375, 0.375)),
        Tone(State.REORDER, (425.0,), (0.25, 0.25)),
    ),
}
HOWLER_HZ = (1400.0, 2060.0, 2450.0, 2600.0)
"""Off-hook howler, 0.1 s on and off."""
DTMF_ROWS_HZ = (697.0, 770.0, 852.0, 941.0)
DTMF_COLUMNS_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
DTMF_KEYS = ("123A", "456B", "789C", "*0#D")

LONG = 4 * BLOCK
"""Samples behind a decision on call-progress tones: 128 ms tell 440 from 480 Hz."""
SHORT = 2 * BLOCK
"""Samples behind a decision on DTMF and the howler: 64 ms."""
NOTE = 0.2
"""Share of a spectrum's two strongest lines: noise has 0.1, a note has more."""
TOLERANCE = 0.025
"""Accepted error of a frequency: 1.8 % of the exchange, the rest of the sound card's clock."""
_DTMF_TOLERANCE = 0.025
_LOW_HZ, _HIGH_HZ = 200.0, 3600.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """The two strongest lines of each block's spectrum; arrays of one entry a block."""

    first_hz: NDArray[np.float64]
    """0 where no line has the share that was asked for."""
    second_hz: NDArray[np.float64]
    first_share: NDArray[np.float32]
    """Share of the energy between 200 and 3600 Hz."""
    second_share: NDArray[np.float32]


_HANN = {size: np.hanning(size + 1)[:-1].astype(np.float32) for size in (LONG, SHORT)}
_BAND = {
    size: (int(_LOW_HZ * size / RATE_HZ), int(_HIGH_HZ * size / RATE_HZ)) for size in (LONG, SHORT)
}
_BESIDE = 2
"""Bins on either side of a line that are its own."""


def _reach(low_hz: float, high_hz: float) -> slice:
    """Bins of a SHORT spectrum that lines between two frequencies may have for their own."""
    step, most = RATE_HZ / SHORT, 1.0 + TOLERANCE
    return slice(
        int(low_hz / most / step) - _BESIDE - 1, math.ceil(high_hz * most / step) + _BESIDE + 2
    )


_KEYED = (
    _reach(DTMF_ROWS_HZ[0], DTMF_ROWS_HZ[-1]),
    _reach(DTMF_COLUMNS_HZ[0], DTMF_COLUMNS_HZ[-1]),
)
_HOWLED = _reach(HOWLER_HZ[0], HOWLER_HZ[-1])
_NEARLY = 0.99
"""A look beforehand, which sums in another order, passes what is as much less."""
_PAIR = 0.8
"""Share of a key's two lines."""


def spectra(pcm: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Power spectra up to a little over 3600 Hz, one row a block, whose window ends with it.

    `pcm` carries LONG - BLOCK samples more in front.
    """
    count = (len(pcm) - LONG) // BLOCK + 1
    sample = pcm.itemsize
    windows: NDArray[np.float32] = np.ndarray(
        (count, size), np.float32, pcm, sample * (LONG - size), (sample * BLOCK, sample)
    )
    # a transform casts by itself, but takes two thirds longer for it
    tapered = (windows * _HANN[size]).astype(np.float64)
    spectrum = np.fft.rfft(tapered, axis=1)[:, : _BAND[size][1] + _BESIDE + 1]
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def _refine(
    power: NDArray[np.float32], rows: NDArray[np.intp], at: NDArray[np.intp]
) -> NDArray[np.float64]:
    left, mid, right = np.log(power[rows, at + np.array([[-1], [0], [1]])] + 1e-12)
    bend = left - 2.0 * mid + right
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0.0)
    return np.asarray(at + np.clip(shift, -0.5, 0.5), dtype=np.float64)


def _strongest(
    power: NDArray[np.float32], size: int
) -> tuple[list[NDArray[np.intp]], list[NDArray[np.float32]]]:
    """Bins of the two strongest lines of each row, and their shares."""
    low, high = _BAND[size]
    rows = np.arange(len(power))[:, None]
    band = power.copy()
    band[:, :low] = 0.0
    band[:, high:] = 0.0
    total = band.sum(axis=1) + 1e-9
    bins, shares = [], []
    for _ in range(2):
        at = np.clip(band.argmax(axis=1), low, high)
        near = at[:, None] + np.arange(-_BESIDE, _BESIDE + 1)
        shares.append(band[rows, near].sum(axis=1) / total)
        bins.append(at)
        band[rows, near] = 0.0
    return bins, shares


def peaks(power: NDArray[np.float32], size: int, least: float = 0.0) -> Peaks:
    """The two strongest lines of each row, exactly where both together have so large a share."""
    bins, (first, second) = _strongest(power, size)
    tonal = np.flatnonzero(first + second >= least)
    hz = np.zeros((2, len(power)))
    for of_line, at in zip(hz, bins, strict=True):
        of_line[tonal] = _refine(power, tonal, at[tonal]) * (RATE_HZ / size)
    return Peaks(hz[0], hz[1], first, second)


def dtmf_keys(power: NDArray[np.float32]) -> list[str]:
    """The key that each row of a SHORT spectrum carries, or ''."""
    keys = [""] * len(power)
    near = sum((power[:, of].sum(axis=1) for of in _KEYED), np.float32(0.0))
    likely = np.flatnonzero(near > _NEARLY * _PAIR * _total(power))
    if not likely.size:
        return keys
    power = power[likely]
    bins, (first, second) = _strongest(power, SHORT)
    pairs = np.flatnonzero((first + second > _PAIR) & (second > 0.07))
    hz = [(_refine(power, pairs, at[pairs]) * (RATE_HZ / SHORT)).tolist() for at in bins]
    for at, one, two in zip(likely[pairs].tolist(), *hz, strict=True):
        row = _nearest(min(one, two), DTMF_ROWS_HZ)
        column = _nearest(max(one, two), DTMF_COLUMNS_HZ)
        if row is not None and column is not None:
            keys[at] = DTMF_KEYS[row][column]
    return keys


def _total(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy of each row of a SHORT spectrum between 200 and 3600 Hz, never zero."""
    low, high = _BAND[SHORT]
    return np.asarray(power[:, low:high].sum(axis=1) + np.float32(1e-9))


def _nearest(hz: float, names: tuple[float, ...]) -> int | None:
    index = min(range(len(names)), key=lambda i: abs(names[i] - hz))
    return index if abs(names[index] - hz) <= _DTMF_TOLERANCE * names[index] else None


class DtmfKeys:
    """Makes sure of dialled keys: two blocks in a row carry the same one."""

    def __init__(self) -> None:
        self._last = ""

    def feed(self, keys: list[str]) -> list[bool]:
        """Take one frame's keys; True for the blocks that carry one for sure."""
        if not (self._last or any(keys)):
            return [False] * len(keys)
        before = [self._last, *keys[:-1]]
        after = [*keys[1:], ""]
        self._last = keys[-1]
        return [
            bool(key) and key in (left, right)
            for left, key, right in zip(before, keys, after, strict=True)
        ]


def howls(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the howler's four lines in each SHORT spectrum.

    0 where one of them is missing, or all together are too faint to be the howler's.
    """
    out = np.zeros(len(power), np.float32)
    total = _total(power)
    # lines that lie close may share what is between them
    likely = np.flatnonzero(2.0 * power[:, _HOWLED].sum(axis=1) > _NEARLY * Howler.LIKELY * total)
    if not likely.size:
        return out
    power, total = power[likely], total[likely]
    step = RATE_HZ / SHORT
    rows = np.arange(len(power))[:, None]
    shares = []
    for hz in HOWLER_HZ:
        width = hz * TOLERANCE
        low, high = int(np.floor((hz - width) / step)), int(np.ceil((hz + width) / step)) + 1
        at = low + power[:, low:high].argmax(axis=1)
        shares.append(power[rows, at[:, None] + np.arange(-2, 3)].sum(axis=1) / total)
    stacked = np.stack(shares)
    out[likely] = np.where((stacked > 0.04).all(axis=0), stacked.sum(axis=0), np.float32(0.0))
    return out


class Howler:
    """Makes sure of the off-hook howler: half of the last second carries its four lines."""

    _WITHIN = 24
    _ENOUGH = 8
    _SURE, LIKELY = 0.75, 0.5
    """Share of the four lines that makes sure of it, and that is enough while it goes on."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=self._WITHIN)

    def feed(self, shares: Sequence[float]) -> list[tuple[bool, bool]]:
        """Of each block with such a share: whether it may be the howler's, and is for sure."""
        if max(shares) <= self.LIKELY:
            self._recent.extend([False] * len(shares))
            return [(False, False)] * len(shares)
        return [self._one(share) for share in shares]

    def _one(self, share: float) -> tuple[bool, bool]:
        going_on = sum(self._recent) >= self._ENOUGH
        howls = share > (self.LIKELY if going_on else self._SURE)
        self._recent.append(howls)
        return howls, howls and sum(self._recent) >= self._ENOUGH
