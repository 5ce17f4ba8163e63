"""The child process: PyAudio in, framed PCM out. It may hang or die; its parent notices.

`python -m sered.tap.capture TARGET RATE CHANNELS`: TARGET is `hw:CARD` (an ALSA card number),
`pcm:NAME` (a device as PortAudio lists it) or `default`; RATE in Hz, 0 for the card's own;
CHANNELS, 0 for all. `list` instead of a target tells which inputs PortAudio sees.

On its output: messages of HEAD and a body. It ends when its input does: it never outlives its
parent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from _queue import Empty, SimpleQueue
from _thread import start_new_thread
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HEAD = Struct("<4sIIQ")
"""Kind, bytes of the body, samples of every channel dropped before it, monotonic ns of its end."""
OPENED = b"sedH"
"""Body: JSON `device`, `rate_hz`, `channels`, `sample` (s16, s24 or s32)."""
AUDIO = b"sedA"
AFTER_OVERFLOW = b"sedO"
"""Audio that the card's buffer ran over in front of."""
FAILED = b"sedE"
"""Body: JSON `reason`, `text`; the process ends after it."""
LISTED = b"sedL"
"""Body: JSON list of `name`, `channels`, `rate_hz`."""

PIECE_S = 0.128
"""Less than the hole that the parent takes for lost sound: a sound server may be a piece late."""
_WAITING_PIECES = 32
"""Four seconds that the parent may be late; then it is told of a hole."""
_RATES_HZ = (48_000, 44_100, 16_000, 32_000, 8_000, 96_000)
_MOST_CHANNELS = 8
"""More have only sound servers' devices, where the first two are meant."""
_BUSY = -9985
"""PortAudio's paDeviceUnavailable: another program has the card."""
_NOTHING_BEHIND = (-9996, -9999)
"""What PortAudio says of an ALSA PCM whose server or source is away."""


class _CannotOpen(Exception):  # noqa: N818 - a state of the card, told to the parent
    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Pipe:
    """The real output; whatever a library prints goes nowhere."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def send(self, kind: bytes, body: bytes, dropped: int = 0, at_ns: int = 0) -> None:
        rest = memoryview(HEAD.pack(kind, len(body), dropped, at_ns) + body)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def say(self, kind: bytes, body: object) -> None:
        self.send(kind, json.dumps(body).encode())


def main(argv: list[str]) -> int:
    """Capture until the parent goes or the card fails; the exit status."""
    pipe = _Pipe()
    start_new_thread(_end_with_parent, ())
    # systemd and a terminal signal every process: the parent decides when the sound ends
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        if argv[0].startswith("hw:"):
            # a bare card needs no ALSA plugins, which would treble this process
            os.putenv("ALSA_PLUGIN_DIR", "/nonexistent")
        # PortAudio would have JACK start its server
        os.putenv("JACK_NO_START_SERVER", "1")
        import pyaudio  # noqa: PLC0415 - its absence is told like any other fault

        audio = pyaudio.PyAudio()
        if argv[0] == "list":
            pipe.say(LISTED, [_about(info) for info in _inputs(audio)])
            return 0
        target, rate_hz, channels = argv[0], int(argv[1]), int(argv[2])
        _capture(audio, _find(audio, target), rate_hz, channels, pipe)
    except BrokenPipeError:
        return 0
    except _CannotOpen as error:
        pipe.say(FAILED, {"reason": error.reason, "text": str(error)})
    except ImportError as error:
        pipe.say(FAILED, {"reason": "failed", "text": f"PyAudio cannot be loaded ({error})"})
    except (OSError, ValueError, SystemError) as error:
        pipe.say(FAILED, {"reason": "failed", "text": _text(error)})
    return 1


def _end_with_parent() -> None:
    while os.read(0, 64):
        pass
    os._exit(0)


def _inputs(audio: Any) -> Iterator[dict[str, Any]]:
    for index in range(audio.get_device_count()):
        info = audio.get_device_info_by_index(index)
        if info["maxInputChannels"] > 0:
            yield info


def _about(info: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": info["name"],
        "channels": info["maxInputChannels"],
        "rate_hz": int(info["defaultSampleRate"]),
    }


def _find(audio: Any, target: str) -> dict[str, Any]:
    kind, _, name = target.partition(":")
    if kind == "default":
        try:
            info: dict[str, Any] = audio.get_default_input_device_info()
        except OSError:
            raise _CannotOpen("no_device", "there is no default input") from None
        return info
    for info in _inputs(audio):
        # PortAudio puts the numbers at the end of a card's name: "USB Audio: - (hw:1,0)"
        if info["name"] == name or (kind == "hw" and f"(hw:{name}," in info["name"]):
            return info
    raise _CannotOpen("no_device", "PortAudio does not list it")


def _capture(audio: Any, info: dict[str, Any], rate_hz: int, channels: int, pipe: _Pipe) -> None:
    pieces: SimpleQueue[tuple[bytes, int, int, bytes]] = SimpleQueue()
    dropped = 0

    def heard(data: bytes, count: int, _times: object, status: int) -> tuple[None, int]:
        nonlocal dropped
        if pieces.qsize() >= _WAITING_PIECES:
            dropped += count
            return None, 0
        kind = AFTER_OVERFLOW if status & 2 else AUDIO
        pieces.put((kind, dropped, time.monotonic_ns(), data))
        dropped = 0
        return None, 0

    stream, opened = _open(audio, info, rate_hz, channels, heard)
    pipe.say(OPENED, opened)
    while True:
        try:
            kind, lost, at_ns, data = pieces.get(timeout=1.0)
        except Empty:
            if not stream.is_active():
                raise _CannotOpen("failed", "the card stopped") from None
            continue
        pipe.send(kind, data, lost, at_ns)


def _open(
    audio: Any, info: dict[str, Any], rate_hz: int, channels: int, heard: object
) -> tuple[Any, dict[str, Any]]:
    """The first rate and width that the card takes."""
    most = info["maxInputChannels"]
    # a virtual device offers any number: two are what a phone has
    channels = min(channels or (most if most <= _MOST_CHANNELS else 2), most)
    own = int(info["defaultSampleRate"])
    # a bare card that can do 16 kHz saves the conversion; anything else might convert badly itself
    first = 16_000 if "(hw:" in info["name"] else own
    rates = (rate_hz,) if rate_hz else dict.fromkeys((first, own, *_RATES_HZ))
    worst: OSError | None = None
    for rate in rates:
        for sample, width in (("s16", 8), ("s24", 4), ("s32", 2)):
            try:
                stream = audio.open(
                    rate=rate,
                    channels=channels,
                    format=width,
                    input=True,
                    input_device_index=info["index"],
                    frames_per_buffer=int(rate * PIECE_S),
                    stream_callback=heard,
                )
            except OSError as error:
                worst = worst or error
                if error.args[0] == _BUSY:
                    raise _CannotOpen("busy", _text(error)) from None
                if error.args[0] in _NOTHING_BEHIND:
                    raise _CannotOpen("no_device", "it does not open") from None
                continue
            return stream, {
                "device": info["name"],
                "rate_hz": rate,
                "channels": channels,
                "sample": sample,
            }
    raise _CannotOpen("failed", _text(worst) if worst else "no rate to try")


def _text(error: BaseException) -> str:
    return str(error.args[1] if len(error.args) > 1 else error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
