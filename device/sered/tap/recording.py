"""A recorded call as an audio source: decoded to its end, with what was not heard named."""

from __future__ import annotations

import stat
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import AudioError
from sered.levels import FULL_SCALE
from sered.records import FRAME, RATE_HZ, Side
from sered.tap import decoders, recording_notes, unreadable
from sered.tap.paths import shown
from sered.tap.resample import Format, Resampler, check_channels
from sered.tap.survey import survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from sered.channels import Channel
    from sered.records import AudioFrame
    from sered.tap.source import AudioSource
    from sered.tap.survey import Survey


class Recording:
    """A file that plays as fast as it is read; memory does not grow with its length.

    It is decoded when it is opened, to know its length, its levels and that it is whole, and where
    it is long once more for `frames`. `known` saves the first where it was done before. Raises
    AudioError for a file that is no recording, is cut off, or lacks a side.
    """

    def __init__(
        self, path: Path, sides: Mapping[Side, Channel], known: Survey | None = None
    ) -> None:
        self.path = path
        self._sides = dict(sides)
        self._closed = threading.Event()
        if known is None:
            check_readable(path)
            known = survey(path)
        self.survey = known
        self.channels: int = known.stream.channels
        self.rate_hz: int = known.stream.rate_hz
        self.duration_s: float = known.duration_s
        """Of the sound, not by the header."""
        check_channels(Format(self.rate_hz, self.channels, "float"), self._sides, shown(path))
        if known.samples < 2:
            msg = (
                f"{shown(path)}: wanted a recording of a call, found {known.samples} sample(s). "
                "It may have been broken off before anything was written; record it anew."
            )
            raise AudioError(msg)
        self.gain_db = recording_notes.gain_db(known, self._sides)
        """What it is turned up by, because it is faint."""
        self.notes = recording_notes.notes(known, self._sides, self.gain_db)
        """What a user should know of it, in sentences without the file's name."""

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame of the recording, once; the last one is padded with silence.

        Samples that are no numbers are lost sound: the frame after them starts that much later.
        """
        found = Format(self.rate_hz, len(self._sides), "float")
        order: dict[Side, Channel] = {side: at for at, side in enumerate(self._sides, 1)}
        resampler = Resampler(found, order)
        for frame in self._played(resampler):
            yield self._marked(frame)

    def _played(self, resampler: Resampler) -> Iterator[AudioFrame]:
        for piece in self._pieces():
            if self._closed.is_set():
                return
            tracks = np.stack([self._track(piece, side) for side in self._sides], axis=1)
            # whatever is compared with what is no number is false
            if not -_NO_SAMPLE < tracks.min(initial=0.0) <= tracks.max(initial=0.0) < _NO_SAMPLE:
                good = np.isfinite(tracks).all(axis=1) & (np.abs(tracks) < _NO_SAMPLE).all(axis=1)
                resampler.lose(round(int(len(good) - good.sum()) * RATE_HZ / self.rate_hz))
                tracks = tracks[good]
            yield from resampler.take(tracks * np.float32(FULL_SCALE))
        if not self._closed.is_set():
            yield from resampler.flush()

    def _marked(self, frame: AudioFrame) -> AudioFrame:
        """The frame, with the recording that begins in it, where one does."""
        for join_s in self.survey.stream.joins_s:
            at = round(join_s * RATE_HZ)
            if frame.start <= at < frame.start + FRAME:
                return replace(frame, joined=at)
        return frame

    def close(self) -> None:
        """Stop at the next second."""
        self._closed.set()

    def _pieces(self) -> Iterator[NDArray[np.float32]]:
        scale = np.float32(self.survey.scale * 10.0 ** (self.gain_db / 20.0))
        try:
            for piece in self.survey.pieces():
                if scale == 1.0:
                    yield piece
                    continue
                with np.errstate(invalid="ignore", over="ignore"):
                    yield piece * scale
        except decoders.CutOffError as error:
            # it was whole a moment ago
            msg = f"{shown(self.path)}: was changed while it was read ({error}). Try again."
            raise AudioError(msg) from None

    def _track(self, piece: NDArray[np.float32], side: Side) -> NDArray[np.float32]:
        channel = self._sides[side]
        if channel != "mono":
            return piece[:, channel - 1]
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(piece @ self.survey.signs(), np.float32)


_NO_SAMPLE = 1e6
"""Full scale is 1: what is so much louder was never sound."""


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


def check_readable(path: Path) -> None:
    """Raise AudioError unless there is a file with something in it that may be read."""
    wanted = f"wanted a recording ({unreadable.KINDS}), found"
    try:
        what = _what_instead(path)
    except FileNotFoundError:
        msg = f"{shown(path)}: no such file. Check the name."
        raise AudioError(msg) from None
    except OSError as error:
        msg = f"{shown(path)}: cannot be read ({error.strerror}). Try with sudo, or as its owner."
        raise AudioError(msg) from None
    if what:
        msg = f"{shown(path)}: {wanted} {what}"
        raise AudioError(msg)


def _what_instead(path: Path) -> str:
    """What a path is, where it is no file with something in it; raises OSError."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder. Name a file in it."
    if not stat.S_ISREG(mode):
        return "no plain file. Copy the sound into one."
    with path.open("rb") as file:
        return "" if file.read(1) else "an empty file. Copy it again."
