"""Promises of the demo and of replay: real broker, real subscriber, real appliance, one call."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from jsonschema import Draft202012Validator

from broker import Broker, Listener
from project import Ended
from sered.cli.demo import CALL
from sered.contract.messages import PAYLOADS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]


Sered = Callable[..., Ended]


def sered_process(*arguments: str | Path, path: str | None = None) -> Ended:
    """A `sered` command as a process of its own, without terminal or configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "sered", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={"PATH": path or os.environ["PATH"], "SERED_CONFIG": os.devnull},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def configuration(folder: Path, broker: Broker, more: str = "") -> Path:
    path = folder / "sered.toml"
    path.write_text(
        f'site = "s"\ndevice = "b"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'live = true\n[spool]\npath = "{folder / "spool.db"}"\n{more}'
    )
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """`sered demo`, once."""
    out = tmp_path_factory.mktemp("demo") / "out"
    return sered_process("demo", "--out", out), out


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unhappy end of the demo call with its hang-up."""
    samples, rate = soundfile.read(CALL)
    path = tmp_path_factory.mktemp("short") / "short.wav"
    soundfile.write(path, samples[round(43.3 * rate) : round(55.3 * rate)], rate)
    return path


@pytest.fixture
def central(start_broker: Callable[..., Broker]) -> Iterator[tuple[Broker, Listener]]:
    """A broker, and somebody who listens to everything."""
    broker = start_broker()
    listener = Listener(broker)
    yield broker, listener
    listener.close()


def received(demo: tuple[Ended, Path]) -> dict[str, Any]:
    """The JSON that the demo kept."""
    call: dict[str, Any] = json.loads((demo[1] / "call.json").read_text(encoding="utf-8"))
    return call


def test_demo_ends_well(demo: tuple[Ended, Path]) -> None:
    """The demo ends with 0, without colours where there is no terminal, and without complaint."""
    ended, _ = demo
    assert ended.status == 0, ended.err
    assert "\x1b" not in ended.out
    assert ended.err == ""


def test_demo_verdict(demo: tuple[Ended, Path]) -> None:
    """What the subscriber received is negative, to be called back, for a phrase Vosk heard."""
    call = received(demo)
    assert call["sentiment"]["category"] == "negative"
    assert call["sentiment"]["escalate"] is True
    assert any("money back" in term["text"] for term in call["verbal"]["terms"])
    Draft202012Validator(PAYLOADS["calls"].model_json_schema(by_alias=True)).validate(call)


def test_demo_tells_the_story(demo: tuple[Ended, Path]) -> None:
    """It shows the three programs, each utterance as it is judged, the alert and the table."""
    out = demo[0].out
    for text in (
        "Broker", "Subscriber", "Box", "running score", "alert: confirmed", "NEGATIVE",
        "Call the customer back", "what decided",
    ):  # fmt: skip
        assert text in out
    assert out.count("sounds ") == 7


def test_demo_picture(demo: tuple[Ended, Path]) -> None:
    """It leaves a picture and the report of the call and says where."""
    ended, out = demo
    assert sorted(path.name for path in out.iterdir()) == ["call.json", "demo-call.png"]
    assert str(out / "call.json") in ended.out
    assert (out / "demo-call.png").read_bytes().startswith(b"\x89PNG")
    assert str(out / "demo-call.png") in ended.out


def test_demo_ends_with_the_verdict_and_what_to_do_next(demo: tuple[Ended, Path]) -> None:
    """The last line is the verdict; above it stand a legend of two lines and three next steps."""
    lines = demo[0].out.splitlines()
    assert lines[0].startswith("The call: ")
    assert lines[-1].startswith("Verdict: NEGATIVE, score −0.")
    assert "call the customer back" in lines[-1]
    assert "{" not in demo[0].out
    assert len(lines) < 50
    for step, word in zip(lines[-5:-2], ("analyze", "MODEL_CARD", "make install"), strict=True):
        assert word in step


@pytest.mark.parametrize("width", [80, 0])
def test_demo_fits_a_terminal_and_a_pipe(tmp_path: Path, width: int) -> None:
    """On 80 × 24 nothing is broken by the terminal; in a pipe no line is wrapped or filled."""
    program = [sys.executable, "-m", "sered", "demo", "--out", str(tmp_path / "out")]
    path = {"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull, "TERM": "dumb"}
    if not width:
        done = subprocess.run(program, capture_output=True, text=True, env=path, check=True)
        lines = done.stdout.splitlines()
        assert any("going to cancel" in line and "my money back" in line for line in lines)
    else:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        with subprocess.Popen(program, stdout=theirs, stderr=theirs, env=path) as process:
            os.close(theirs)
            said = b""
            with contextlib.suppress(OSError):
                while piece := os.read(ours, 4096):
                    said += piece
        assert process.returncode == 0
        lines = said.decode().replace("\r", "").splitlines()
        assert max(len(line) for line in lines) <= width
    assert width or not [line for line in lines if line != line.rstrip()]
    assert lines[-1].startswith("Verdict: ")


def test_demo_without_a_broker_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Mosquitto is not installed one sentence says how to get it."""
    from sered.cli import stage
    from sered.cli.demo import demo
    from sered.errors import BrokerError

    monkeypatch.setattr(stage, "_MOSQUITTO_PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="apt-get install mosquitto"):
        demo(tmp_path)


def test_demo_where_nothing_can_be_written(sered: Sered, tmp_path: Path) -> None:
    """A place for the picture that cannot be made is said before anything starts."""
    (tmp_path / "file").touch()
    ended = sered("demo", "--out", tmp_path / "file" / "out")
    assert ended.status == 1
    assert "cannot be made" in ended.err
    assert ended.out == ""


def test_call_is_a_telephone_call() -> None:
    """The bundled call is a pair of channels of a telephone's rate, 40 to 60 s, not clipped."""
    samples, rate = soundfile.read(CALL, dtype="int16")
    assert rate == 8_000
    assert samples.shape[1] == 2
    assert 40 <= len(samples) / rate <= 60
    assert abs(samples.astype(int)).max() < 32_000


@pytest.mark.parametrize("speed", ["realtime", "max"])
def test_replay_is_analyze(
    sered: Sered,
    tmp_path: Path,
    short: Path,
    central: tuple[Broker, Listener],
    speed: str,
) -> None:
    """What comes over MQTT from a replay is what analyze says of that file, whatever the speed."""
    broker, listener = central
    config = configuration(tmp_path, broker)
    ended = sered_process("run", "--config", config, "--replay", short, "--speed", speed)
    assert ended.status == 0, ended.err
    (body,) = listener.wait("calls")
    analyzed = sered("analyze", short, "--config", config, "--json")
    ((call,),) = [file["calls"] for file in json.loads(analyzed.out)]
    assert json.loads(body) == call


def test_replay_twice(tmp_path: Path, short: Path, central: tuple[Broker, Listener]) -> None:
    """A file replayed twice gives the same bytes, so that a subscriber drops the second."""
    broker, listener = central
    config = configuration(tmp_path, broker)
    for _ in range(2):
        assert sered_process("run", "-c", config, "--replay", short, "--speed", "max").status == 0
    first, second = listener.wait("calls", 2)
    assert first == second


def test_messages_keep_the_contract(
    tmp_path: Path, short: Path, central: tuple[Broker, Listener]
) -> None:
    """Everything a replay publishes is valid by its topic's schema, in the order of the call."""
    broker, listener = central
    config = configuration(tmp_path, broker)
    assert sered_process("run", "-c", config, "--replay", short, "--speed", "max").status == 0
    listener.wait("calls")
    seen = [(topic.rpartition("/")[2], json.loads(body)) for topic, body, _ in listener.messages]
    for leaf, payload in seen:
        Draft202012Validator(PAYLOADS[leaf].model_json_schema(by_alias=True)).validate(payload)
    leaves = {leaf for leaf, _ in seen}
    assert leaves == {"status", "health", "calls", "alerts", "live"}
    states = [payload["state"] for leaf, payload in seen if leaf == "status"]
    assert states[0] in {"online", "degraded"}
    assert states[-1] == "offline"
    alerts = [payload["state"] for leaf, payload in seen if leaf == "alerts"]
    assert alerts[-1] == "confirmed"


def test_replay_on_a_named_line(
    tmp_path: Path, short: Path, central: tuple[Broker, Listener]
) -> None:
    """--line plays the recording on that line of the configuration."""
    broker, listener = central
    lines = '[[line]]\nname = "front"\n[[line]]\nname = "back"\ncard = "card:x"\n'
    config = configuration(tmp_path, broker, lines)
    ended = sered_process(
        "run", "-c", config, "--replay", short, "--line", "back", "--speed", "max"
    )
    assert ended.status == 0, ended.err
    assert json.loads(listener.wait("calls")[0])["line"] == "back"


def test_replay_on_an_unknown_line(sered: Sered, short: Path) -> None:
    """A line that is not configured is answered with those that are."""
    ended = sered("run", "--replay", short, "--line", "attic")
    assert ended.status == 2
    assert "known: line1" in ended.err


def test_line_needs_a_replay(sered: Sered) -> None:
    """--line without --replay is wrong usage, said in a sentence."""
    ended = sered("run", "--line", "line1")
    assert ended.status == 2
    assert "belong to --replay" in ended.err
