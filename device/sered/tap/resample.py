"""Any card's or file's PCM becomes 16 kHz mono int16 a side: the one place that converts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sered.errors import AudioError
from sered.records import FRAME, RATE_HZ, AudioFrame, Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.channels import Channel

_Samples = NDArray[np.int16] | NDArray[np.float32]

SampleFormat = Literal["s16", "s24", "s32", "float"]
"""Little-endian; s24 is packed in three bytes, float is -1 to 1."""

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 192_000
_BYTES = {"s16": 2, "s24": 3, "s32": 4, "float": 4}
_QUALITY = "HQ"


@dataclass(frozen=True, slots=True)
class Format:
    """How a source hands out its samples, channels interleaved."""

    rate_hz: int
    channels: int
    sample: SampleFormat

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _BYTES[self.sample] * self.channels


def check_channels(found: Format, sides: Mapping[Side, Channel], source: str) -> None:
    """Raise AudioError unless `source`, a card or file as a person calls it, has these sides."""
    if not MIN_RATE_HZ <= found.rate_hz <= MAX_RATE_HZ:
        msg = (
            f"{source}: wanted {MIN_RATE_HZ // 1000} to {MAX_RATE_HZ // 1000} kHz, found "
            f"{found.rate_hz} Hz. Record it at 8 kHz or more."
        )
        raise AudioError(msg)
    for side, channel in sides.items():
        if channel != "mono" and channel > found.channels:
            has = "1 channel" if found.channels == 1 else f"{found.channels} channels"
            msg = (
                f"{source}: wanted the {side} on channel {channel}, found {has}. "
                f"Say where the {side} is, or `mixed=mono` where both people share a channel."
            )
            raise AudioError(msg)


class Resampler:
    """Turns a stream of raw PCM into AudioFrames.

    `start` is the line time, in samples, of the first sample fed. Feed pieces of any length;
    the same sound gives the same frames however it is cut. Not thread-safe.
    """

    def __init__(self, found: Format, sides: Mapping[Side, Channel], start: int = 0) -> None:
        self._format = found
        self._sides = dict(sides)
        self._next = start
        self._lost = 0
        # a row and a filter a side: twice as fast as columns of one array
        self._buffer = np.empty((len(self._sides), FRAME), np.int16)
        self._filled = 0
        self._rest = b""
        self._fed = 0
        self._given = 0
        self._filters: dict[Side, Any] = {}
        if found.rate_hz != RATE_HZ:
            import soxr  # noqa: PLC0415 - a command that hears nothing need not load it

            self._filters = {
                side: soxr.ResampleStream(
                    found.rate_hz, RATE_HZ, 1, dtype="float32", quality=_QUALITY
                )
                for side in self._sides
            }

    @property
    def pending(self) -> int:
        """Samples at 16 kHz that were fed but are in no frame yet."""
        return round(self._fed * RATE_HZ / self._format.rate_hz) - self._given

    def lose(self, samples: int) -> None:
        """Note that `samples` (16 kHz) are missing here: the next frame starts that much later."""
        self._lost += samples

    def feed(self, raw: bytes) -> list[AudioFrame]:
        """Frames that are complete now."""
        raw = self._rest + raw if self._rest else raw
        whole = len(raw) - len(raw) % self._format.frame_bytes
        self._rest = raw[whole:]
        return self.take(_samples(raw[:whole], self._format))

    def take(self, samples: _Samples) -> list[AudioFrame]:
        """As `feed`, of sound that is numbers: (n, channels) on the scale of int16."""
        self._fed += len(samples)
        return self._convert(samples, last=False)

    def flush(self) -> list[AudioFrame]:
        """What is left, the last frame padded with silence; nothing may be fed after it."""
        frames = self._convert(np.empty((0, self._format.channels), np.int16), last=True)
        if self._filled:
            self._buffer[:, self._filled :] = 0
            frames.append(self._frame())
        return frames

    def _convert(self, samples: _Samples, *, last: bool) -> list[AudioFrame]:
        return self._cut([self._track(samples, side, last=last) for side in self._sides])

    def _track(self, samples: _Samples, side: Side, *, last: bool) -> _Samples:
        """One side's int16 at 16 kHz."""
        channel = self._sides[side]
        track: _Samples
        if channel == "mono":
            track = samples.mean(axis=1, dtype=np.float32)
        else:
            track = samples[:, channel - 1]
        if side in self._filters:
            track = self._filters[side].resample_chunk(track.astype(np.float32), last=last)
        if track.dtype == np.int16:
            return track
        # a full-scale wave may overshoot in the filter, and must not wrap
        return np.clip(np.rint(track), -32_768, 32_767).astype(np.int16)

    def _cut(self, tracks: list[_Samples]) -> list[AudioFrame]:
        frames: list[AudioFrame] = []
        at = 0
        while at < len(tracks[0]):
            take = min(FRAME - self._filled, len(tracks[0]) - at)
            for row, track in zip(self._buffer, tracks, strict=True):
                row[self._filled : self._filled + take] = track[at : at + take]
            self._filled += take
            at += take
            if self._filled == FRAME:
                frames.append(self._frame())
        return frames

    def _frame(self) -> AudioFrame:
        pcm = {side: row.copy() for side, row in zip(self._sides, self._buffer, strict=True)}
        frame = AudioFrame(self._next + self._lost, pcm, self._lost)
        self._next = frame.start + FRAME
        self._given += FRAME
        self._lost = 0
        self._filled = 0
        return frame


def _samples(raw: bytes, found: Format) -> _Samples:
    """(n, channels) on the scale of int16."""
    if found.sample == "s16":
        flat: _Samples = np.frombuffer(raw, "<i2")
    elif found.sample == "s32":
        flat = np.frombuffer(raw, "<i4").astype(np.float32) / 65_536
    elif found.sample == "s24":
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        flat = wide.view("<i4")[:, 0].astype(np.float32) / 65_536
    else:
        flat = np.frombuffer(raw, "<f4") * np.float32(32_768)
    return flat.reshape(-1, found.channels)
