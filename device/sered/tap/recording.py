"""A recorded call as an audio source: WAV, FLAC, OGG or MP3, read piece by piece."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from sered.errors import AudioError
from sered.records import FRAME, RATE_HZ
from sered.tap.resample import Format, Resampler, check_channels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sered.records import AudioFrame, Side
    from sered.settings import Channel
    from sered.tap.source import AudioSource

_PIECE_S = 1.0
_KINDS = "WAV, FLAC, OGG or MP3"


class Recording:
    """A file that plays as fast as it is read; memory does not grow with its length.

    Raises AudioError, here for a file that is no recording, in `frames` for one that turns out
    to be cut off.
    """

    def __init__(self, path: Path, sides: Mapping[Side, Channel]) -> None:
        import soundfile  # noqa: PLC0415 - libsndfile is loaded only where a file is read

        self.path = path
        self._sides = dict(sides)
        self._closed = threading.Event()
        self._broken = soundfile.LibsndfileError
        _check_readable(path)
        try:
            self._file = soundfile.SoundFile(path)
        except self._broken as error:
            msg = (
                f"{path}: wanted a recording ({_KINDS}), found something else: {error.error_string}"
            )
            raise AudioError(msg) from None
        self.channels: int = self._file.channels
        self.rate_hz: int = self._file.samplerate
        self.duration_s: float = self._file.frames / self._file.samplerate
        """By the file's header."""
        try:
            self._check()
        except AudioError:
            self._file.close()
            raise

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame of the recording, once; the last one is padded with silence."""
        found = Format(self.rate_hz, self.channels, "float")
        resampler = Resampler(found, self._sides)
        piece = round(_PIECE_S * self.rate_hz)
        read = 0
        with self._file:
            while not self._closed.is_set():
                try:
                    samples = self._file.read(piece, dtype="float32", always_2d=True)
                except self._broken as error:
                    raise self._cut_off(read, str(error.error_string)) from None
                read += len(samples)
                yield from resampler.feed(samples.tobytes())
                if len(samples) < piece:
                    break
        if self._closed.is_set():
            return
        if read < self._file.frames:
            raise self._cut_off(read, "the file ends early")
        yield from resampler.flush()

    def close(self) -> None:
        """Stop at the next frame."""
        self._closed.set()

    def _check(self) -> None:
        check_channels(Format(self.rate_hz, self.channels, "float"), self._sides, str(self.path))
        if _was_cut(self._file.extra_info):
            raise self._cut_off(self._file.frames, "its header promises more")
        if self._file.frames < 2:
            msg = (
                f"{self.path}: wanted a recording of a call, found {self._file.frames} sample(s). "
                "It may have been broken off before its header was finished; record it anew."
            )
            raise AudioError(msg)

    def _cut_off(self, read: int, why: str) -> AudioError:
        return AudioError(
            f"{self.path}: cut off after {read / self.rate_hz:.1f} s ({why}). "
            "Copy it again, or rewrite it with `ffmpeg -i` to use what is there."
        )


class Paced:
    """An audio source that holds each frame back until its sound would have been heard."""

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._closed = threading.Event()

    def frames(self) -> Iterator[AudioFrame]:
        """The source's frames, none before its time; frames that come late are not held."""
        began = time.monotonic()
        for frame in self._source.frames():
            due = began + (frame.start + FRAME) / RATE_HZ
            if self._closed.wait(max(due - time.monotonic(), 0.0)):
                return
            yield frame

    def close(self) -> None:
        """Stop at once."""
        self._closed.set()
        self._source.close()


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        msg = f"{path}: no such file. Check the name."
    except IsADirectoryError:
        msg = f"{path}: wanted a recording ({_KINDS}), found a folder. Name a file in it."
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}). Try with sudo, or as its owner."
    else:
        if not empty:
            return
        msg = f"{path}: wanted a recording ({_KINDS}), found an empty file. Copy it again."
    raise AudioError(msg)


def _was_cut(log: str) -> bool:
    """Whether libsndfile's log tells of a data chunk longer than the file.

    A writer that could not seek back leaves all ones there: that is a stream, not a lie.
    """
    for line in log.splitlines():
        if line.startswith("data :") and "should be" in line:
            promised = int(line.split(":")[1].split()[0])
            return promised < 0x7FFF_0000
    return False
