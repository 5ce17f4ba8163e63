"""The capture process as its parent sees it: started, read with a deadline, always ended."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sered.errors import DeviceError
from sered.tap.capture import AFTER_OVERFLOW, AUDIO, FAILED, HEAD, LISTED, OPENED
from sered.tap.resample import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FRAME_DEADLINE_S = 3.0
"""A card that is silent for so long is given up and opened anew."""
START_DEADLINE_S = 6.0
"""Until the first sound: some cards take seconds to open."""
COMMAND = (sys.executable, "-P", "-m", "sered.tap.capture")
_LONGEST_BODY = 1 << 22
"""Bytes of one message from the child; more is no message of ours."""
_READ_BYTES = 1 << 18
_WAKE_S = 0.2
_KINDS = {OPENED, AUDIO, AFTER_OVERFLOW, FAILED, LISTED}


@dataclass(frozen=True, slots=True)
class CapturedPcm:
    """Some sound as it came from the card."""

    raw: bytes
    dropped: int
    """Samples of every channel missing before it."""
    end_s: float
    """Monotonic time of its end."""
    overflow: bool


class CaptureChild:
    """One capture process on one card. Use as a context: it is gone afterwards, hung or not.

    `target`, `rate_hz` and `channels` as in `sered.tap.capture`. `wanted` is asked while waiting,
    so that a reader can give up.
    """

    def __init__(
        self,
        target: str,
        rate_hz: int,
        channels: int,
        *,
        wanted: Callable[[], bool] = lambda: True,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._wanted = wanted
        self._buffer = bytearray()
        self._poller = select.poll()
        self.device = ""
        self.process = subprocess.Popen(
            [*command, target, str(rate_hz), str(channels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self.process.stdout is not None
        self._output = self.process.stdout
        self._poller.register(self._output, select.POLLIN)

    def __enter__(self) -> CaptureChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            # it hangs in the kernel; Popen reaps it when the next one is started
            return

    def open(self) -> Format | None:
        """Wait until the card is open; its format, None when no longer wanted.

        Raises DeviceError.
        """
        message = self._next(START_DEADLINE_S)
        if message is None:
            return None
        kind, body, _, _ = message
        if kind != OPENED:
            raise _garbage()
        about = _json(body)
        try:
            self.device = str(about["device"])
            found = Format(int(about["rate_hz"]), int(about["channels"]), about["sample"])
            if found.frame_bytes > 0:
                return found
        except (KeyError, ValueError, TypeError):
            pass
        raise _garbage()

    def read(self, deadline_s: float = FRAME_DEADLINE_S) -> CapturedPcm | None:
        """The next sound, None when no longer wanted.

        Raises DeviceError: `no_frames` at the deadline, `failed` when the process ends or talks
        garbage.
        """
        message = self._next(deadline_s)
        if message is None:
            return None
        kind, body, dropped, at_ns = message
        if kind not in (AUDIO, AFTER_OVERFLOW) or not body:
            raise _garbage()
        return CapturedPcm(body, dropped, at_ns / 1e9, kind == AFTER_OVERFLOW)

    def listing(self) -> list[dict[str, Any]]:
        """What `list` found."""
        message = self._next(START_DEADLINE_S)
        found = _json(message[1]) if message and message[0] == LISTED else None
        if not isinstance(found, list):
            raise _garbage()
        return found

    def _next(self, deadline_s: float) -> tuple[bytes, bytes, int, int] | None:
        deadline = time.monotonic() + deadline_s
        while True:
            if len(self._buffer) >= HEAD.size:
                kind, length, dropped, at_ns = HEAD.unpack_from(self._buffer)
                if kind not in _KINDS or length > _LONGEST_BODY:
                    raise _garbage()
                if len(self._buffer) >= HEAD.size + length:
                    body = bytes(self._buffer[HEAD.size : HEAD.size + length])
                    del self._buffer[: HEAD.size + length]
                    if kind == FAILED:
                        raise _told(body)
                    return kind, body, dropped, at_ns
            if not self._wanted():
                return None
            left = deadline - time.monotonic()
            if left <= 0:
                msg = f"no sound for {deadline_s:.0f} s"
                raise DeviceError(msg, "no_frames")
            self._fill(min(left, _WAKE_S))

    def _fill(self, timeout_s: float) -> None:
        if not self._poller.poll(timeout_s * 1000):
            return
        data = self._output.read(_READ_BYTES)
        if not data:
            status = self.process.wait(1.0)
            msg = f"the capture process ended ({_ending(status)})"
            raise DeviceError(msg, "failed")
        self._buffer += data


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _garbage() from None


def _told(body: bytes) -> DeviceError:
    about = _json(body)
    if not isinstance(about, dict):
        return _garbage()
    return DeviceError(str(about.get("text")), str(about.get("reason")))


def _garbage() -> DeviceError:
    return DeviceError("the capture process talked garbage", "failed")


def _ending(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"status {status}"


def list_inputs() -> list[dict[str, Any]]:
    """Every input that PortAudio lists, through a fresh process: `name`, `channels`, `rate_hz`.

    Raises DeviceError.
    """
    with CaptureChild("list", 0, 0) as child:
        return child.listing()
