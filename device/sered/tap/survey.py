"""What a recording carries, channel by channel, from decoding all of it once."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import AudioError
from sered.levels import CLIPPED, FULL_SCALE, LOWEST_DB, STEADY_DB, STEADY_TAIL
from sered.tap import decoders, identify, unreadable
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.tap.decoders import Stream

NOTHING_DB = LOWEST_DB
AUDIBLE_DB = -70.0
"""A channel that is never louder carries nothing."""
_BLOCK_S = 0.05
_LOUD_BLOCKS = 10
"""So many blocks, half a second, are as loud as what is called the loudest: no click is."""
_FLOOR_DB, _STEPS = -120, 160
_FULL = CLIPPED / FULL_SCALE
_TOO_FAR = 4.0
"""Floats beyond so many times full scale are on another scale; what is nearer was turned up."""
_SCALES = (1 << 15, 1 << 23, 1 << 31)
_OVER = 1.05
_OPPOSITE = -0.8


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a recording, over all of it."""

    loudest_db: float
    """RMS of its loudest half second, dBFS; NOTHING_DB for nothing."""
    clipped: float
    """Share of samples at full scale, of those that sound."""
    spread_db: float
    """How far its level goes up and down, but for a fiftieth of its blocks at either end."""

    @property
    def audible(self) -> bool:
        """Whether it carries anything."""
        return self.loudest_db > AUDIBLE_DB

    @property
    def steady(self) -> bool:
        """Whether it carries a hum or a hiss and nothing else."""
        return self.spread_db <= STEADY_DB


@dataclass(frozen=True, slots=True)
class Survey:
    """A recording that was decoded to its end."""

    stream: Stream
    samples: int
    """Of each channel."""
    channels: tuple[Channel, ...]
    scale: float
    """What its samples are multiplied with, so that full scale is 1."""
    lost: int
    """Samples that are no numbers, in any channel."""
    correlation: NDArray[np.float64]
    """-1 to 1, of each channel with each."""
    digest: str
    """SHA-256 of the file."""
    kept: tuple[NDArray[np.float32], ...] = field(default=(), repr=False)
    """The sound itself, as it was decoded, where it is short."""

    @property
    def duration_s(self) -> float:
        """Seconds of sound, as decoded."""
        return self.samples / self.stream.rate_hz

    def pieces(self) -> Iterator[NDArray[np.float32]]:
        """A second at a time, as `Stream.pieces`: decoded anew where it is long."""
        yield from self.kept or self.stream.pieces()

    def signs(self) -> NDArray[np.float32]:
        """What each channel is multiplied with before all are mixed, so that none cancels another.

        0 for those that carry nothing.
        """
        loudest = max(range(len(self.channels)), key=lambda i: self.channels[i].loudest_db)
        signs = np.where(self.correlation[loudest] < _OPPOSITE, -1.0, 1.0)
        audible = [channel.audible for channel in self.channels]
        signs = np.where(audible, signs, 0.0) if any(audible) else signs
        return np.asarray(signs / max(np.abs(signs).sum(), 1.0), np.float32)


def survey(path: Path) -> Survey:
    """Decode the file once; raises AudioError for one that cannot be read or is cut off."""
    stream = identify.identify(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not 0 < stream.channels <= _MOST_CHANNELS or stream.rate_hz <= 0:
        msg = (
            f"{shown(path)}: wanted a recording of a call, found {stream.channels} channel(s) at "
            f"{stream.rate_hz} Hz. Make another of it: {unreadable.convert_line(path)}"
        )
        raise AudioError(msg)
    meter = _Meter(stream.channels, stream.rate_hz)
    kept: list[NDArray[np.float32]] = []
    room = KEPT_BYTES
    try:
        for piece in stream.pieces():
            meter.feed(piece)
            room -= piece.nbytes
            if room >= 0:
                kept.append(piece)
            else:
                kept.clear()
    except decoders.CutOffError as error:
        raise _cut_off(stream, error) from None
    except AudioError as error:
        msg = f"{shown(path)}: {error}. Convert it first: {unreadable.convert_line(path)}"
        raise AudioError(msg) from None
    return replace(meter.result(stream, digest), kept=tuple(kept))


_MOST_CHANNELS = 64
KEPT_BYTES = 32 << 20
"""Nine minutes of a telephone's stereo; what is longer is decoded twice, or memory would grow."""


def _cut_off(stream: Stream, error: decoders.CutOffError) -> AudioError:
    return AudioError(
        f"{shown(stream.path)}: cut off after {error.samples / stream.rate_hz:.1f} s ({error}). "
        f"Copy it again, or make one of what is there: {unreadable.convert_line(stream.path)}"
    )


class _Meter:
    """Adds up what a survey tells."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._block = max(round(_BLOCK_S * rate_hz), 1)
        self._counts = np.zeros((channels, _STEPS + 200), np.int64)
        self._products = np.zeros((channels, channels))
        self._clipped = np.zeros(channels, np.int64)
        self._sounding = np.zeros(channels, np.int64)
        self._peak = 0.0
        self._samples = self._lost = 0
        self._rest = np.zeros((channels, 0), np.float32)

    def feed(self, piece: NDArray[np.float32]) -> None:
        """Take the next second."""
        self._samples += len(piece)
        tracks = np.ascontiguousarray(piece.T)
        peak = _peak(tracks)
        # a sample that is no number makes the peak none, too
        if not peak < _SCALES[-1] * 2.0:
            with np.errstate(invalid="ignore"):
                good = np.isfinite(tracks).all(axis=0) & (np.abs(tracks) < _SCALES[-1] * 2.0).all(
                    axis=0
                )
            self._lost += int(len(good) - good.sum())
            tracks = np.ascontiguousarray(tracks[:, good])
            peak = _peak(tracks)
        if not tracks.size:
            return
        self._peak = max(self._peak, peak)
        for channel, track in enumerate(tracks):
            self._sounding[channel] += np.count_nonzero(track)
            if peak >= _FULL:
                self._clipped[channel] += np.count_nonzero(np.abs(track) >= _FULL)
        whole = np.concatenate((self._rest, tracks), axis=1)
        cut = whole.shape[1] - whole.shape[1] % self._block
        self._rest = whole[:, cut:]
        self._weigh(whole[:, :cut].astype(np.float64))

    def _weigh(self, whole: NDArray[np.float64]) -> None:
        self._products += whole @ whole.T
        power = whole.reshape(len(whole), -1, self._block).var(axis=2)
        levels = 10.0 * np.log10(np.maximum(power, 10.0 ** (_FLOOR_DB / 10.0)))
        most = self._counts.shape[1]
        steps = np.clip(np.floor(levels) - _FLOOR_DB, 0, most - 1).astype(int)
        for counts, of_channel in zip(self._counts, steps, strict=True):
            np.add(counts, np.bincount(of_channel, minlength=most), out=counts)

    def result(self, stream: Stream, digest: str) -> Survey:
        """What all of it came to."""
        if self._rest.size and not self._counts.any():
            self._block = self._rest.shape[1]
            self._weigh(self._rest.astype(np.float64))
        scale = self._scale(stream)
        shift = 20.0 * math.log10(scale)
        power = np.sqrt(np.maximum(np.outer(*2 * [self._products.diagonal()]), 1e-30))
        return Survey(
            stream=stream,
            samples=self._samples,
            channels=tuple(
                Channel(
                    loudest_db=self._loudest_db(counts, shift),
                    clipped=int(clipped) / max(int(sounding), 1) if scale == 1.0 else 0.0,
                    spread_db=_spread_db(counts),
                )
                for counts, clipped, sounding in zip(
                    self._counts, self._clipped, self._sounding, strict=True
                )
            ),
            scale=scale,
            lost=self._lost,
            correlation=self._products / power,
            digest=digest,
        )

    def _scale(self, stream: Stream) -> float:
        """Of what kind the numbers are: -1 to 1, or an integer's written as floats."""
        if not stream.is_float or self._peak <= 1.0:
            return 1.0
        if self._peak <= _TOO_FAR:
            return 1.0 / self._peak
        for scale in _SCALES:
            if self._peak <= scale * _OVER:
                return 1.0 / scale
        msg = (
            f"{shown(stream.path)}: wanted samples of -1 to 1, found some of {self._peak:.3g}. "
            f"Write it on a scale that is known: {unreadable.convert_line(stream.path)}"
        )
        raise AudioError(msg)

    @staticmethod
    def _loudest_db(counts: NDArray[np.int64], shift: float) -> float:
        """The level that half a second reaches; of a shorter one, half of it."""
        wanted = min(_LOUD_BLOCKS, max(int(counts.sum()) // 2, 1))
        from_top = np.cumsum(counts[::-1])
        step = len(counts) - 1 - int(np.searchsorted(from_top, wanted))
        return NOTHING_DB if step <= 0 else max(step + 0.5 + _FLOOR_DB + shift, NOTHING_DB)


def _peak(tracks: NDArray[np.float32]) -> float:
    """The largest sample, without its sign; no number where one of them is none."""
    return float(np.maximum(tracks.max(initial=0.0), -tracks.min(initial=0.0)))


def _spread_db(counts: NDArray[np.int64]) -> float:
    passed = np.cumsum(counts) / max(int(counts.sum()), 1)
    low, high = np.searchsorted(passed, (STEADY_TAIL, 1.0 - STEADY_TAIL))
    return float(high - low)
