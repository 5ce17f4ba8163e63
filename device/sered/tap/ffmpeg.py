"""Recordings that libsndfile cannot read, through ffmpeg in a child with limits, where it is."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import shutil
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

_DEMUXERS = (
    "mov,mp4,m4a,3gp,matroska,webm,asf,amr,amrnb,amrwb,aac,ac3,eac3,wav,w64,aiff,au,caf,flac,ogg,"
    "mp3,mpegts,flv,avi,g722,g726,g726le,g729,gsm,adts,mulaw,alaw,s16le,wv,tta,ape,dsf,sln"
)
"""Containers of sound; no playlist, which could name other files, and no device."""
_CPU_S = 600
_MEMORY_BYTES = 1 << 30
"""Of a child that decodes, and its CPU seconds above: hostile files end it, not us."""
_STALL_S = 30.0
"""A child that gives nothing for so long is given up."""
_LONGEST_S = 24 * 3600.0
_HEAD = 24
_READ_BYTES = 1 << 20
_SAID = 300
_CUT = (
    "partial file",
    "truncat",
    "end of file",
    "invalid nal",
    "moov atom not found",
    "incomplete",
)


def installed() -> str | None:
    """Where ffmpeg is; None: it is not installed."""
    return shutil.which("ffmpeg")


class Converted:
    """A recording as ffmpeg gives it out: 32-bit float, its own rate and channels.

    `options` say what a file without a header is. Raises AudioError with ffmpeg's words.
    Use as a context: the child is gone afterwards.
    """

    def __init__(self, path: Path, options: tuple[str, ...] = ()) -> None:
        self.cut = False
        """Whether ffmpeg found the end missing; known when `pieces` is through."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._child = subprocess.Popen(
            [
                "ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-threads", "1",
                "-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS, *options,
                "-i", "file:" + os.fsdecode(path.absolute()), "-map", "0:a:0", "-vn", "-sn", "-dn",
                "-t", str(_LONGEST_S), "-c:a", "pcm_f32be", "-f", "au", "pipe:1",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0,
        )  # fmt: skip
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._child.pid, resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
            resource.prlimit(self._child.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            self.rate_hz, self.channels = self._head()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Converted:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._child.wait()
        self._errors.close()

    def pieces(self, samples: int) -> Iterator[NDArray[np.float32]]:
        """So many samples of each channel at a time, (n, channels), until the end."""
        width = 4 * self.channels
        while True:
            raw = self._read(samples * width)
            whole = len(raw) - len(raw) % width
            yield np.frombuffer(raw[:whole], ">f4").astype(np.float32).reshape(-1, self.channels)
            if len(raw) < samples * width:
                break
        status, said = self._child.wait(_STALL_S), self._said()
        self.cut = any(word in said.lower() for word in _CUT)
        if status and not self.cut:
            raise self._failed()

    def _head(self) -> tuple[int, int]:
        """Rate and channels, from the AU header in front of the sound."""
        head = self._read(_HEAD)
        if len(head) < _HEAD or head[:4] != b".snd":
            raise self._failed()
        self._read(int.from_bytes(head[4:8]) - _HEAD)
        rate_hz, channels = (int.from_bytes(head[at : at + 4]) for at in (16, 20))
        return rate_hz, channels

    def _read(self, size: int) -> bytes:
        """So many bytes, fewer at the end; raises AudioError where none come in time."""
        assert self._child.stdout is not None, "it was asked for"
        out, end = bytearray(), time.monotonic() + _STALL_S
        while len(out) < size:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._child.stdout], [], [], left)[0]:
                msg = f"ffmpeg gave nothing for {_STALL_S:.0f} s"
                raise AudioError(msg)
            data = os.read(self._child.stdout.fileno(), min(size - len(out), _READ_BYTES))
            if not data:
                break
            out += data
        return bytes(out)

    def _failed(self) -> AudioError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_STALL_S)
        return AudioError(self._said() or f"ffmpeg ended with status {self._child.returncode}")

    def _said(self) -> str:
        """The last thing that ffmpeg complained of, on one line."""
        self._errors.seek(0)
        lines = self._errors.read(1 << 16).decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return "; ".join(said)[-_SAID:]
