"""Whether two channels carry one sound: late, softer, turned over, in noise of their own. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pair = NDArray[np.float32]
    Row = NDArray[np.float64]

_RATE_HZ = RATE_HZ // 2
"""At which channels are compared: it holds what a telephone carries."""
_WINDOW = 2 * FRAME * _RATE_HZ // RATE_HZ
"""A frame and the one before it, so that nothing of a late copy lies over the edge."""
_LAG = round(0.06 * _RATE_HZ)
"""A card, a mixer or a network may delay one channel by so much."""
_AUDIBLE = (32_768.0 * 10.0 ** (-65.0 / 20.0)) ** 2
"""Power at -65 dBFS; under it lies the noise of an open line."""
_COMPARED, _LONG, _MOST = 14, 60, 120
"""Frames of speech before channels are called the same: 3.6 s; before a faint copy is, while the
call runs; and the most that are kept, spread over all of the call."""
_ALIKE = 0.7
"""Correlation over all frames at one delay: a copy that is as loud as the noise it lies in."""
_OWN_SHARE, _FAINT_OWN_SHARE = 0.15, 0.04
"""Of the frames, those in which a channel has a sound of its own."""
_OWN, _OVER_NOISE = 0.35, 3.0
"""A sound of its own is more than so much of the copy's power and so many times the noise."""
_FAINT_DB, _FAINTEST_DB = 7.0, 20.0
"""A voice that leaks into the other channel is as faint: there, no word of the other one's own may
be heard in the whole call. Beyond the second nothing is known."""


class SameSound:
    """Compares two channels over one call; some 0.3 ms a frame of speech."""

    def __init__(self) -> None:
        self._last: tuple[NDArray[np.int16], NDArray[np.int16]] | None = None
        self._half: Pair | None = None
        """The last frame at half the rate, where it was asked for."""
        self._first: deque[Pair] = deque(maxlen=_COMPARED)
        """Windows whose delay is not known yet."""
        self._sum = np.zeros(2 * _LAG + 1)
        """Cross-correlation at each lag, over all windows."""
        self._rows: list[tuple[float, float, float]] = []
        """Power of both channels and what they have in common, a window."""
        self._every = self._skipped = 1
        self._told: dict[bool, bool] = {}
        """What was found of these rows, by whether the call was over."""

    @property
    def known(self) -> bool:
        """Whether enough was compared to tell."""
        return bool(self._rows)

    def feed(self, first: NDArray[np.int16], second: NDArray[np.int16], *, spoken: bool) -> None:
        """Take a frame, FRAME samples of each channel, and whether somebody speaks in it."""
        now, last, half = (first, second), self._last, self._half
        self._last, self._half = now, None
        if last is None or not spoken:
            return
        if self._skipped < self._every:
            self._skipped += 1
            return
        self._half = _half_rate(now)
        window = np.concatenate((_half_rate(last) if half is None else half, self._half), axis=1)
        window -= window.mean(axis=1, keepdims=True)
        power = np.einsum("ij,ij->i", window, window) / _WINDOW
        if power.max() < _AUDIBLE:
            return
        self._skipped = 1
        self._told.clear()
        self._sum += _correlation(window)
        if not self._rows:
            self._first.append(window)
            if len(self._first) == _COMPARED:
                self._rows += [_row(each, self._lag) for each in self._first]
                self._first.clear()
            return
        self._rows.append(_row(window, self._lag))
        if len(self._rows) > _MOST:
            self._rows = self._rows[::2]
            self._every *= 2

    def found(self, *, over: bool) -> bool:
        """Whether they are the same; of a faint copy surer when the call is `over`."""
        if self.known and over not in self._told:
            self._told[over] = self._found(over=over)
        return self._told.get(over, False)

    def _found(self, *, over: bool) -> bool:
        first, second, common = np.array(self._rows).T
        common = common * np.sign(common.sum())
        if common.sum() < _ALIKE * np.sqrt(first.sum() * second.sum()):
            return False
        strong, faint = (first, second) if first.sum() > second.sum() else (second, first)
        own, gain = _own(strong, faint, common)
        loss_db = -20.0 * np.log10(max(gain, 1e-6))
        if loss_db < _FAINT_DB:
            return own <= _OWN_SHARE
        enough = len(self._rows) >= _LONG or self._every > 1 or over
        return bool(loss_db < _FAINTEST_DB and enough and own <= _FAINT_OWN_SHARE)

    @property
    def _lag(self) -> int:
        return int(np.argmax(np.abs(self._sum))) - _LAG


def _half_rate(pair: tuple[NDArray[np.int16], NDArray[np.int16]]) -> Pair:
    """A frame of both channels, (2, FRAME / 2)."""
    wide = np.stack(pair).astype(np.float32)
    return np.asarray((wide[:, ::2] + wide[:, 1::2]) * np.float32(0.5))


def _own(strong: Row, faint: Row, common: Row) -> tuple[float, float]:
    """Share of windows in which one channel is not the other one's copy, and the copy's gain."""
    loud = strong >= np.median(strong)
    gain = float(np.median(common[loud] / np.maximum(strong[loud], 1e-9)))
    copy = gain**2 * strong
    rest = faint - 2.0 * gain * common + copy
    noise = float(np.percentile(rest, 25))
    return float(np.mean(rest > _OWN * copy + _OVER_NOISE * noise)), gain


def _correlation(window: Pair) -> Row:
    """Of the first channel's middle with the second one, at each lag."""
    middle = np.zeros(_WINDOW, np.float32)
    middle[_LAG:-_LAG] = window[0, _LAG:-_LAG]
    spectra = np.fft.rfft(np.stack((middle, window[1])).astype(np.float64))
    lags = np.fft.irfft(spectra[0] * spectra[1].conj())
    return np.asarray(np.concatenate((lags[-_LAG:], lags[: _LAG + 1])), np.float64)


def _row(window: Pair, lag: int) -> tuple[float, float, float]:
    first = window[0, _LAG:-_LAG]
    second = window[1, _LAG - lag : _WINDOW - _LAG - lag]
    return float(first @ first), float(second @ second), float(first @ second)
