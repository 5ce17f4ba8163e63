"""Decodes a recording from its beginning to its end, with libsndfile or through ffmpeg."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sered import chatter
from sered.errors import AudioError
from sered.tap import ffmpeg
from sered.tap.rope import Rope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from sered.tap.rope import Piece

_PIECE_S = 1.0
_MPEG_SLACK = 4 * 1152
"""Samples by which a decoder's length and what it gives may differ: frames of 1152."""
_UNKNOWN = 1 << 60
"""libsndfile's length for a stream without one."""


class CutOffError(AudioError):
    """The end of a recording is missing; `samples` of each channel came before it."""

    def __init__(self, samples: int, why: str) -> None:
        super().__init__(why)
        self.samples = samples


@dataclass(slots=True)
class Stream:
    """A file that can be decoded, as often as wanted."""

    path: Path
    parts: tuple[tuple[Piece, ...], ...] = ((),)
    """What libsndfile is given, one after the other; nothing: the file as it is."""
    raw: tuple[str, int] | None = None
    through: tuple[str, ...] | None = None
    """ffmpeg's options, where it decodes."""
    cut: str = ""
    """Why the end is known to be missing; empty: it is there."""
    notes: list[str] = field(default_factory=list)
    """What the file's header or frames have wrong, in sentences without the file's name."""
    joins_s: list[float] = field(default_factory=list)
    """Seconds of sound before each further recording that is joined to the first, where known."""
    mpeg: bool = False
    is_float: bool = False
    rate_hz: int = 0
    channels: int = 0

    def pieces(self) -> Iterator[NDArray[np.float32]]:
        """A second at a time, (n, channels), -1 to 1; CutOffError where the end is missing."""
        if self.through is not None:
            yield from self._converted()
            return
        read = 0
        for number, part in enumerate(self.parts):
            if number > len(self.joins_s):
                self.joins_s.append(read / self.rate_hz)
            for piece in self._decode(part, read):
                read += len(piece)
                yield piece
        if self.cut:
            raise CutOffError(read, self.cut)

    def _converted(self) -> Iterator[NDArray[np.float32]]:
        assert self.through is not None, "ffmpeg decodes it"
        read = 0
        with ffmpeg.Converted(self.path, self.through) as converted:
            for piece in converted.pieces(round(_PIECE_S * self.rate_hz)):
                read += len(piece)
                yield piece
            if self.cut or converted.cut:
                raise CutOffError(read, self.cut or "ffmpeg finds the file broken off")
            # an MP3's frames were counted: what ffmpeg complains of are the tags between them
            if converted.complaint and not self.mpeg:
                note = f"it is damaged or cut off (ffmpeg says: {converted.complaint})."
                self.notes += [note] if note not in self.notes else []

    def _decode(self, part: tuple[Piece, ...], before: int) -> Iterator[NDArray[np.float32]]:
        size, read = round(_PIECE_S * self.rate_hz), 0
        with self.quietly():
            opened = self.open(part)
        with opened as file:
            frames = file.frames
            # or the binding seeks after each piece to where the file is already
            file.seekable = lambda: False
            while True:
                with self.quietly():
                    try:
                        piece = file.read(size, dtype="float32", always_2d=True)
                    except libsndfile().LibsndfileError as error:
                        raise CutOffError(before + read, str(error.error_string)) from None
                read += len(piece)
                yield piece
                if len(piece) < size:
                    break
        # what the decoder keeps back at the ends of an MP3 is not missing
        slack = _MPEG_SLACK if self.mpeg else 0
        if read < frames - slack < _UNKNOWN:
            raise CutOffError(before + read, "the file ends early")

    def open(self, part: tuple[Piece, ...]) -> Any:
        """A part as libsndfile opens it; raises its LibsndfileError."""
        # by its descriptor: by a name that ends in .au or .raw, libsndfile takes anything for sound
        source = Rope(self.path, part) if part else os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        if self.raw is None:
            return libsndfile().SoundFile(source)
        subtype, rate_hz = self.raw
        return libsndfile().SoundFile(
            source, samplerate=rate_hz, channels=1, format="RAW", subtype=subtype
        )

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Around each call into libsndfile: libmpg123 tells the terminal what it thinks."""
        if not self.mpeg:
            yield
            return
        with chatter.without(_of_mpg123):
            yield


def _of_mpg123(line: bytes) -> bool:
    return b"mpg123" in line or line.startswith((b"Warning:", b"Note:"))


def libsndfile() -> Any:
    """The library; it raises LibsndfileError."""
    import soundfile  # noqa: PLC0415 - libsndfile is loaded only where a file is read

    return soundfile
