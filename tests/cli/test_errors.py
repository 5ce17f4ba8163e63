"""Every error a technician can meet: one sentence that says what to do, the right exit status."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from broker import Broker, Listener, free_port
from project import ROOT, Ended
from sered import config
from sered.cli.demo import CALL

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


Sered = Callable[..., Ended]

_CAPABILITY_VERSION_3 = 0x2008_0522
_DAC_OVERRIDE_AND_READ_SEARCH = 0b110


def check(ended: Ended, status: int, *pieces: str) -> None:
    """One sentence on stderr with these pieces, this status, and never a traceback."""
    assert "Traceback" not in ended.err + ended.out
    assert ended.status == status, ended.err
    said = [line for line in ended.err.splitlines() if line.startswith("sered: ")]
    assert len(said) == 1, ended.err
    for piece in pieces:
        assert piece in said[0]


def wav(path: Path, data: bytes, *, claimed: int | None = None) -> Path:
    """A mono 8 kHz WAV whose header claims so many bytes of sound."""
    size = len(data) if claimed is None else claimed
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1,
                       8_000, 16_000, 2, 16, b"data", size)  # fmt: skip
    path.write_bytes(head + data)
    return path


@contextmanager
def no_override() -> Iterator[None]:
    """File modes hold for root too, where the tests run as root; it stays their owner."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    rights = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    before = rights[0]
    rights[0] &= ~_DAC_OVERRIDE_AND_READ_SEARCH
    assert libc.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = before
        assert libc.capset(header, rights) == 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences of the unhappy customer and the hang-up, both channels."""
    samples, rate = soundfile.read(CALL)
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, samples[round(43.3 * rate) : round(55.3 * rate)], rate)
    return path


def configured(folder: Path, more: str, port: int = 9) -> Path:
    path = folder / "sered.toml"
    spool = json.dumps(str(folder / "spool.db"))
    path.write_text(
        f'site = "s"\ndevice = "b"\n{more}\n[spool]\npath = {spool}\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
    )
    return path


def process(*arguments: str | Path) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "sered", *map(str, arguments)],
        capture_output=True, text=True, timeout=110, check=False,
        env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


# --- recordings -----------------------------------------------------------------------------------


def test_no_such_file(sered: Sered, tmp_path: Path) -> None:
    """A name that is not there."""
    check(sered("analyze", tmp_path / "call.wav"), 1, "call.wav: no such file", "Check the name")


def test_unreadable_file(sered: Sered, tmp_path: Path) -> None:
    """A file that this user may not read."""
    path = wav(tmp_path / "call.wav", bytes(1000))
    path.chmod(0)
    with no_override():
        ended = sered("analyze", path)
    check(ended, 1, "cannot be read (Permission denied)", "Try with sudo")


def test_not_audio(sered: Sered) -> None:
    """A file that is no sound."""
    check(sered("analyze", ROOT / "README.md"), 1, "wanted a recording (WAV, FLAC, OGG or MP3)")


def test_empty_wav(sered: Sered, tmp_path: Path) -> None:
    """A WAV of 0 bytes."""
    (tmp_path / "call.wav").touch()
    check(sered("analyze", tmp_path / "call.wav"), 1, "found an empty file", "Copy it again")


def test_lying_header(sered: Sered, tmp_path: Path) -> None:
    """A WAV whose header promises more sound than there is."""
    path = wav(tmp_path / "call.wav", bytes(32_000), claimed=320_000)
    check(sered("analyze", path), 1, "cut off after 2.0 s", "Copy it again")


def test_one_sample(sered: Sered, tmp_path: Path) -> None:
    """A WAV of one sample."""
    check(sered("analyze", wav(tmp_path / "call.wav", b"\0\0")), 1, "found 1 sample", "record it")


def test_replay_of_no_recording(tmp_path: Path) -> None:
    """The service says of a replay what analyze says."""
    (tmp_path / "call.wav").write_bytes(b"nothing")
    ended = process("run", "-c", configured(tmp_path, ""), "--replay", tmp_path / "call.wav")
    check(ended, 1, "wanted a recording")


@pytest.mark.timeout(600)
def test_an_hour(tmp_path: Path) -> None:
    """A recording of an hour takes no more memory than one of two minutes."""
    samples, _ = soundfile.read(CALL, dtype="int16")
    peaks = []
    for name, minutes in (("short.ogg", 2), ("long.ogg", 60)):
        path = tmp_path / name
        with soundfile.SoundFile(path, "w", 8_000, 1, format="OGG", subtype="VORBIS") as file:
            file.write(samples[:, 1])
            for _ in range(minutes - 1):
                file.write(np.zeros(8_000 * 60, np.int16))
            file.write(samples[:, 1])
        ended = process("analyze", path, "--mode", "audio", "--json")
        assert ended.status == 0, ended.err
        ((first, last),) = [file["calls"] for file in json.loads(ended.out)]
        assert first["sentiment"]["category"] == last["sentiment"]["category"]
        peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    # in kB, the highest of all children so far: the second's samples alone are 57,000
    assert peaks[1] - peaks[0] < 20_000


# --- configuration --------------------------------------------------------------------------------


def test_broken_toml(sered: Sered, tmp_path: Path) -> None:
    """TOML with a mistake in it: the line is named."""
    path = tmp_path / "sered.toml"
    path.write_text('site = "s"\ndevice = \n')
    check(sered("config", "check", path), 2, "wanted TOML", "line 2", "Mend that line")
    check(sered("run", "--config", path), 2, "wanted TOML")


def test_unknown_key(sered: Sered, tmp_path: Path) -> None:
    """A key that does not exist: the nearest one is named."""
    path = tmp_path / "sered.toml"
    path.write_text("[mqtt]\nprot = 1883\n")
    check(sered("analyze", CALL, "--config", path), 2, "sered.toml:2", "did you mean 'port'?")


def test_port_out_of_range(sered: Sered, tmp_path: Path) -> None:
    """A port that no network has."""
    path = tmp_path / "sered.toml"
    path.write_text("[mqtt]\nport = 65536\n")
    check(sered("watch", "--config", path), 2, "sered.toml:2", "65535", "found 65536")


def test_no_such_configuration(sered: Sered, tmp_path: Path) -> None:
    """A configuration that is not there: the command that writes one is named."""
    check(sered("run", "-c", tmp_path / "x.toml"), 2, "no such configuration", "sered config init")


def test_spool_that_cannot_be_written(tmp_path: Path, clip: Path) -> None:
    """Without spool and broker a replay says that its verdict is lost, and what to check."""
    path = configured(tmp_path, "", free_port())
    path.write_text(path.read_text().replace("spool.db", "sered.toml/spool.db"))
    ended = process("run", "-c", path, "--replay", clip, "--speed", "max")
    check(ended, 1, "are lost", "spool.db cannot be used", "Check its disk", "is not running")


# --- devices --------------------------------------------------------------------------------------


def test_unknown_device(tmp_path: Path, start_broker: Callable[..., Broker]) -> None:
    """A card that is not there: the service stays up, `status` says so and what to do."""
    broker = start_broker()
    listener = Listener(broker)
    path = configured(tmp_path, '[[line]]\ncard = "card:Nope"', broker.port)
    service = subprocess.Popen(
        [sys.executable, "-m", "sered", "run", "-c", str(path)],
        stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
    )  # fmt: skip
    try:
        end = time.monotonic() + 20
        said: dict[str, Any] = {}
        while "no_device" not in said.get("reasons", ()) and time.monotonic() < end:
            said = json.loads(listener.wait("status", len(listener.on("status")) or 1)[-1])
            time.sleep(0.05)
        assert said["state"] == "degraded"
        assert "No card card:Nope" in str(said["text"])
        assert "`sered devices`" in str(said["text"])
        assert service.poll() is None
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=20)
        listener.close()
    assert service.returncode == 0
    assert "Traceback" not in log
    assert log.count("No card card:Nope") == 1


# --- broker ---------------------------------------------------------------------------------------


def test_broker_not_there(sered: Sered) -> None:
    """Nothing listens on the broker's port."""
    ended = sered("watch", "--host", "127.0.0.1", "--port", free_port())
    check(ended, 1, "is not running, or not on this port")


def test_broker_unknown(sered: Sered) -> None:
    """A broker's name that nobody knows."""
    ended = sered("watch", "--host", "broker.invalid")
    check(ended, 1, "broker.invalid", "Check")


def test_wrong_password(
    sered: Sered, start_broker: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker refuses the password; what it was is not said."""
    broker = start_broker(passwords={"box": "right"})
    monkeypatch.setenv("SERED_MQTT_PASSWORD", "wr0ng")
    place = ("--host", broker.host, "--port", broker.port)
    ended = sered("watch", *place, "--username", "box")
    check(ended, 1, "password")
    assert "wr0ng" not in ended.err + ended.out


def test_refused_by_the_acl(
    sered: Sered, start_broker: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that does not let us in without a login."""
    broker = start_broker(passwords={"box": "right"})
    check(sered("watch", "--host", broker.host, "--port", broker.port), 1, "[mqtt] username")


def test_verdict_waits_for_the_broker(tmp_path: Path, clip: Path) -> None:
    """A replay without a broker says where its verdict waits, and loses nothing."""
    path = configured(tmp_path, "", free_port())
    ended = process("run", "-c", path, "--replay", clip, "--speed", "max")
    check(ended, 1, "spool.db", "is not running, or not on this port", "sered run")
    assert (tmp_path / "spool.db").stat().st_size > 0


# --- models ---------------------------------------------------------------------------------------


def test_missing_words_model(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """Without its Vosk model sered judges by voice alone and says how to fetch one."""
    path = configured(tmp_path, '[models]\nvosk = "/nonexistent/vosk"')
    ended = sered("analyze", clip, "--config", path, "--json")
    assert ended.status == 0
    assert "/nonexistent/vosk" in ended.err
    assert "sered models fetch" in ended.err
    ((call,),) = [file["calls"] for file in json.loads(ended.out)]
    assert call["verbal"] is None
    assert call["acoustic"] is not None
    assert call["versions"]["vosk_model"] is None


def test_missing_words_model_in_status(
    tmp_path: Path, clip: Path, start_broker: Callable[..., Broker]
) -> None:
    """Without its Vosk model the service runs on, degraded, and `status` says so."""
    broker = start_broker()
    listener = Listener(broker)
    path = configured(tmp_path, '[models]\nvosk = "/nonexistent/vosk"', broker.port)
    ended = process("run", "-c", path, "--replay", clip, "--speed", "max")
    assert ended.status == 0, ended.err
    assert "sered models fetch" in ended.err
    status = [json.loads(body) for body in listener.wait("status", 2)]
    report = json.loads(listener.wait("calls")[0])
    listener.close()
    assert status[0]["state"] == "degraded"
    assert "no_words" in status[0]["reasons"]
    assert report["verbal"] is None


def test_missing_words_model_alone(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """With words alone asked for and no model there is nothing to judge by."""
    path = configured(tmp_path, '[models]\nvosk = "/nonexistent/vosk"')
    ended = sered("analyze", clip, "--config", path, "--mode", "text")
    check(ended, 1, "/nonexistent/vosk", "sered models fetch")


def test_broken_words_model(sered: Sered, tmp_path: Path, clip: Path) -> None:
    """A Vosk model that is cut off is said to be broken, and voice alone goes on."""
    broken = tmp_path / "vosk"
    shutil.copytree(config.models_dir() / "vosk-mini", broken)
    for graph in broken.rglob("HCLG.fst"):
        graph.write_bytes(graph.read_bytes()[:1000])
    path = configured(tmp_path, f'[models]\nvosk = "{broken}"')
    ended = sered("analyze", clip, "--config", path, "--json")
    assert ended.status == 0
    assert "fetch it again" in ended.err


@pytest.mark.parametrize("fault", ["missing", "other", "broken"])
def test_wrong_sidecar(sered: Sered, tmp_path: Path, clip: Path, fault: str) -> None:
    """A network whose sidecar is missing, another's or broken is refused, never guessed at."""
    network = tmp_path / "emotion.tflite"
    network.write_bytes((config.models_dir() / "emotion.tflite").read_bytes())
    sidecar = (config.models_dir() / "emotion.json").read_text()
    if fault == "other":
        network.write_bytes(network.read_bytes() + b"\0")
        network.with_suffix(".json").write_text(sidecar)
    elif fault == "broken":
        network.with_suffix(".json").write_text(sidecar[:100])
    path = configured(tmp_path, f'[models]\nemotion = "{network}"')
    ended = sered("analyze", clip, "--config", path, "--mode", "audio")
    check(ended, 1, "emotion")
    ended = sered("models", "verify", "--config", path, "--into", tmp_path)
    assert ended.status == 1
    assert "BROKEN  emotion.tflite" in ended.out
