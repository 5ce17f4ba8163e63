"""The capture process on a real PulseAudio through ALSA and PortAudio: small, never left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from broker import wait_until
from pulse_lines import Desk
from sered.errors import DeviceError
from sered.tap.capture_process import CaptureChild, list_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with one line plugged in and one that is not."""
    desk = Desk(tmp_path_factory.mktemp("desk"), ("here", "away"))
    desk.plug("here")
    yield desk
    desk.close()


@pytest.fixture(autouse=True)
def _surroundings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)


def test_sound_comes_in_real_time_and_small() -> None:
    """A second of sound takes a second; the process stays under 20 MB and 2 % of a core."""
    with CaptureChild("pcm:tap_here", 16_000, 2) as child:
        found = child.open()
        assert found is not None
        assert (found.rate_hz, found.channels, found.sample) == (16_000, 2, "s16")
        pieces = [child.read(6.0)]
        process = psutil.Process(child.process.pid)
        before = process.cpu_times()
        began = time.monotonic()
        while time.monotonic() - began < 2.0:
            pieces.append(child.read())
        after = process.cpu_times()
        memory = process.memory_info().rss
    seconds = [p.end_s for p in pieces if p]
    heard = sum(len(p.raw) for p in pieces[1:] if p) / found.frame_bytes / found.rate_hz
    assert heard == pytest.approx(seconds[-1] - seconds[0], abs=0.15)
    assert memory < 20 * 2**20
    assert after.user + after.system - before.user - before.system < 0.04 * 2


def test_the_inputs_are_listed() -> None:
    """What can be named in the configuration as `pcm:NAME`."""
    assert {"tap_here", "tap_away"} <= {about["name"] for about in list_inputs()}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("pcm:tap_away", "no_device"),
        ("pcm:tap_her", "no_device"),
        ("pcm:", "no_device"),
        ("hw:0", "no_device"),
        ("hw:99", "no_device"),
    ],
)
def test_an_input_that_is_not_there_is_said(target: str, reason: str) -> None:
    """The exact name or nothing: no other input is opened instead."""
    with CaptureChild(target, 0, 2) as child, pytest.raises(DeviceError) as caught:
        child.open()
    assert caught.value.reason == reason


def test_a_rate_the_card_does_not_take_is_said() -> None:
    """A configured rate is used or refused, never replaced."""
    with CaptureChild("pcm:tap_here", 7, 2) as child, pytest.raises(DeviceError):
        child.open()


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 96_000])
def test_every_rate_opens(rate_hz: int) -> None:
    """From 8 to 96 kHz."""
    with CaptureChild("pcm:tap_here", rate_hz, 1) as child:
        found = child.open()
    assert found is not None
    assert (found.rate_hz, found.channels) == (rate_hz, 1)


def test_libraries_do_not_chatter() -> None:
    """Whatever ALSA and PortAudio print reaches neither the terminal nor the pipe."""
    code = "from sered.tap.capture_process import list_inputs; print(len(list_inputs()) > 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_it_does_not_outlive_its_parent() -> None:
    """A parent that is killed takes the capture process with it."""
    code = (
        "from sered.tap.capture_process import CaptureChild;"
        "c = CaptureChild('pcm:tap_here', 16000, 2);"
        "c.open(); print(c.process.pid, flush=True); c.read(60); import time; time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until(lambda: not _runs(pid), what="the capture process to end")


def test_it_leaves_stopping_to_its_parent() -> None:
    """SIGTERM and SIGINT, which systemd and a terminal send to all, do not cut the sound short."""
    with CaptureChild("pcm:tap_here", 16_000, 2) as child:
        child.open()
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(child.process.pid, number)
        assert child.read(6.0) is not None
        assert child.read() is not None


def test_a_stopped_process_is_ended_too() -> None:
    """A capture process that hangs leaves with its context, its pipes with it."""
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    with CaptureChild("pcm:tap_here", 16_000, 2) as child:
        child.open()
        os.kill(child.process.pid, signal.SIGSTOP)
        # what it said before it was stopped is still heard
        with pytest.raises(DeviceError, match="no sound for 1 s") as caught:  # noqa: PT012 - reads until it notices
            while True:
                child.read(0.6)
    assert caught.value.reason == "no_frames"
    assert child.process.returncode == -9
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208 - names, not paths


TALKS = {
    "nothing": "pass",
    "garbage": "os.write(1, os.urandom(100000))",
    "half a head": "os.write(1, b'sedH')",
    "a huge body": "os.write(1, HEAD.pack(AUDIO, 1 << 30, 0, 0))",
    "sound before it is open": "os.write(1, HEAD.pack(AUDIO, 4, 0, 0) + b'abcd')",
    "no JSON": "os.write(1, HEAD.pack(OPENED, 4, 0, 0) + b'abcd')",
    "a list": "os.write(1, HEAD.pack(OPENED, 2, 0, 0) + b'[]')",
    "a strange width": 'body = b\'{"device": 1, "rate_hz": 8000, "channels": 1, "sample": 9}\'; '
    "os.write(1, HEAD.pack(OPENED, len(body), 0, 0) + body)",
    "no reason": "os.write(1, HEAD.pack(FAILED, 2, 0, 0) + b'[]')",
}


@pytest.mark.parametrize("what", TALKS)
def test_garbage_is_a_failure_with_a_reason(what: str) -> None:
    """Whatever a process says or leaves unsaid, the parent gets a DeviceError."""
    code = f"import os\nfrom sered.tap.capture import *\n{TALKS[what]}"
    command = (sys.executable, "-c", code)
    with CaptureChild("x", 0, 1, command=command) as child, pytest.raises(DeviceError) as caught:
        child.open()
    assert caught.value.reason == "failed"


def test_its_imports_are_few() -> None:
    """Nothing heavy is loaded before PyAudio: no numpy, no pydantic, no dataclasses."""
    code = "import sys, sered.tap.capture; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "pydantic", "dataclasses", "typing", "subprocess", "threading"}


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and psutil.Process(pid).status() != "zombie"
