"""Recordings that libsndfile cannot read, through ffmpeg in a child with limits, where it is."""

from __future__ import annotations

import contextlib
import os
import re
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
    "mp3,mpegts,flv,avi,g722,g726,g726le,g729,gsm,adts,mulaw,alaw,s16le,wv,tta,ape,dsf,sln,voc,sox,"
    "nistsphere,ircam,nut,dss,qcp,rm,ilbc,codec2,mpc,mpc8,tak,shn,loas"
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
_CUT = ("partial file", "truncat", "end of file", "moov atom not found", "incomplete", "premature")
_LENGTH = re.compile(r"Duration: (\d+):(\d+):(\d+(?:\.\d+)?)")
_TOLD = ("mov", "matroska", "wav", "w64", "aiff", "caf", "flac", "flv", "tta", "wv", "ape")
"""Containers that say themselves how long they are; of others ffmpeg guesses."""
_SLACK_S = 1.0
_COMPLAINT = re.compile(r"(?:\[([\w,]+) @ 0x[0-9a-f]+\] )?\[(?:error|fatal|panic)\] (.*)")


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
        """Whether the end is missing; known when `pieces` is through."""
        self.complaint = ""
        """What else ffmpeg had to say of the sound; known when `pieces` is through."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._child = subprocess.Popen(
            [
                "ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-v", "level+info",
                "-threads", "1",
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
        width, read = 4 * self.channels, 0
        while True:
            raw = self._read(samples * width)
            whole = len(raw) - len(raw) % width
            read += whole // width
            yield np.frombuffer(raw[:whole], ">f4").astype(np.float32).reshape(-1, self.channels)
            if len(raw) < samples * width:
                break
        status, said = self._child.wait(_STALL_S), self._said()
        short = read / max(self.rate_hz, 1) + _SLACK_S < self._promised_s()
        self.cut = short or any(word in said.lower() for word in _CUT)
        self.complaint = said
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
        """What ffmpeg complained of, on one line, each thing once."""
        lines = [line for line in self._log() if "non monotonic" not in line]
        found = [_COMPLAINT.search(line) for line in lines]
        said = [f"{each[1]}: {each[2]}" if each[1] else each[2] for each in found if each]
        if any("not on whitelist" in each for each in said):
            return "this kind of file is not read here"
        return "; ".join(dict.fromkeys(said))[:_SAID]

    def _promised_s(self) -> float:
        """Seconds by the file's own header; 0 where it does not tell."""
        lines = self._log()
        first = next((line for line in lines if "Input #0, " in line), "")
        if not first.partition("Input #0, ")[2].startswith(_TOLD):
            return 0.0
        found = next((match for line in lines if (match := _LENGTH.search(line))), None)
        return (
            sum(float(n) * s for n, s in zip(found.groups(), (3600, 60, 1), strict=True))
            if found
            else 0.0
        )

    def _log(self) -> list[str]:
        self._errors.seek(0)
        return [
            line.strip() for line in self._errors.read(1 << 16).decode(errors="replace").split("\n")
        ]
