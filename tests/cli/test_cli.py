"""Promises of the command line: help, configuration, models, devices, watching."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from broker import Broker
from message_makers import status
from project import Ended
from sered import __version__, cli
from sered.cli import INTERRUPTED
from sered.config import sample
from sered.contract.messages import encode
from sered.words.fetch import Source

pytestmark = pytest.mark.slow


Sered = Callable[..., Ended]

COMMANDS = [
    ("run",),
    ("analyze",),
    ("devices",),
    ("watch",),
    ("demo",),
    ("diagnose",),
    ("models", "list"),
    ("models", "fetch"),
    ("models", "verify"),
    ("config", "init"),
    ("config", "show"),
    ("config", "check"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(sered: Sered, command: tuple[str, ...]) -> None:
    """Every command has help, and in it an example that names the command."""
    ended = sered(*command, "--help")
    assert ended.status == 0
    assert "Example" in ended.out
    assert f"sered {' '.join(command)}" in ended.out.partition("Example")[2]


def test_help_names_every_command(sered: Sered) -> None:
    """`sered --help` lists the commands and says what exit statuses mean."""
    out = sered("--help").out
    for command in COMMANDS:
        assert f"  {command[0]} " in out
    for code in ("0 done", "1 failed", "2 wrong usage"):
        assert code in " ".join(out.split())


def test_help_is_quick() -> None:
    """`sered --help` takes under half a second of work."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "sered", "--help"], check=True, capture_output=True)
    after = os.times()
    work_s = after.children_user + after.children_system
    work_s -= before.children_user + before.children_system
    assert work_s < 0.5


def test_version(sered: Sered) -> None:
    """--version says the version."""
    assert sered("--version").out == f"sered {__version__}\n"


@pytest.mark.parametrize("arguments", [("fly",), ("analyze",), ("run", "--speed", "slow")])
def test_wrong_usage(sered: Sered, arguments: tuple[str, ...]) -> None:
    """Wrong usage ends with status 2."""
    assert sered(*arguments).status == 2


# --- config ---------------------------------------------------------------------------------------


def test_config_init_can_be_used_at_once(sered: Sered, tmp_path: Path) -> None:
    """The file that init writes is whole, commented, private, and without a fault."""
    path = tmp_path / "etc" / "sered.toml"
    ended = sered("config", "init", path)
    assert ended.status == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert tomllib.loads(path.read_text())
    assert "# site = " in path.read_text()
    assert sered("config", "check", path).status == 0


def test_config_init_leaves_what_is_there(sered: Sered, tmp_path: Path) -> None:
    """A configuration that is there is not overwritten without --force."""
    path = tmp_path / "sered.toml"
    path.write_text('site = "mine"\n')
    ended = sered("config", "init", path)
    assert ended.status == 2
    assert "left alone" in ended.err
    assert path.read_text() == 'site = "mine"\n'
    assert sered("config", "init", path, "--force").status == 0
    assert "mine" not in path.read_text()


def test_config_init_on_stdout(sered: Sered) -> None:
    """`config init -` prints it."""
    assert sered("config", "init", "-").out == sample.default_toml()


def test_config_show_masks_secrets(
    sered: Sered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is shown as stars, in TOML and in JSON, wherever it came from."""
    path = tmp_path / "sered.toml"
    path.write_text('site = "paris"\n')
    monkeypatch.setenv("SERED_MQTT_PASSWORD", "hunter2")
    toml = sered("config", "show", "--config", path)
    machine = sered("config", "show", "--config", path, "--json")
    for ended in (toml, machine):
        assert "hunter2" not in ended.out + ended.err
        assert "****" in ended.out
        assert "paris" in ended.out
    assert tomllib.loads(toml.out)["mqtt"]["port"] == json.loads(machine.out)["mqtt"]["port"]


def test_config_check_names_all_faults(sered: Sered, tmp_path: Path) -> None:
    """Every fault is named at once, with its line and the nearest name; machines get a list."""
    path = tmp_path / "sered.toml"
    path.write_text('sit = "x"\n[mqtt]\nport = 65536\nkeepalive = 3\n[[line]]\nsides = "left"\n')
    ended = sered("config", "check", path)
    assert ended.status == 2
    for text in (
        "sered.toml:1", "did you mean 'site'", "sered.toml:3", "65536", "sered.toml:4",
        "did you mean 'keepalive_s'", "sered.toml:6",
    ):  # fmt: skip
        assert text in ended.err
    machine = sered("config", "check", path, "--json")
    assert machine.status == 2
    found = json.loads(machine.out)
    assert found["ok"] is False
    assert len(found["faults"]) == 4
    path.write_text("")
    assert json.loads(sered("config", "check", path, "--json").out) == {"ok": True, "faults": []}


# --- models ---------------------------------------------------------------------------------------


def archive_on_a_stick(folder: Path, content: bytes) -> Source:
    """An official model's archive, as a technician would bring it, and what it must be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("vosk-model-new/am/final.mdl", content)
    folder.mkdir()
    (folder / "vosk-model-new.zip").write_bytes(out.getvalue())
    digest = hashlib.sha256(out.getvalue()).hexdigest()
    url = "https://example.org/vosk-model-new.zip"
    return Source("vosk-model-new", url, digest, 1, 1, "a new one")


def test_models_fetch_and_verify(
    sered: Sered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetched model is listed, tells the line to configure, verifies, and shows later damage."""
    source = archive_on_a_stick(tmp_path / "usb", b"weights")
    monkeypatch.setattr("sered.words.fetch.SOURCES", (source,))
    into = tmp_path / "models"
    ended = sered("models", "fetch", "--into", into, "--from", tmp_path / "usb")
    assert ended.status == 0
    assert f'vosk = "{into / source.name}"' in ended.out
    assert source.name in sered("models", "list", "--into", into).out
    assert sered("models", "verify", "--into", into).status == 0
    (into / source.name / "am" / "final.mdl").write_bytes(b"rot")
    ended = sered("models", "verify", "--into", into, "--json")
    assert ended.status == 1
    (broken,) = [result for result in json.loads(ended.out) if not result["ok"]]
    assert broken["name"] == source.name
    assert "am/final.mdl" in broken["text"]


def test_models_fetch_unknown(sered: Sered, tmp_path: Path) -> None:
    """A name that is not in the table is answered with those that are."""
    ended = sered("models", "fetch", "vosk-model-xx", "--into", tmp_path)
    assert ended.status == 2
    assert "vosk-model-small-en-us-0.15" in ended.err


def test_models_fetch_failure(sered: Sered, tmp_path: Path) -> None:
    """A fetch that fails is one sentence and exit status 1."""
    ended = sered("models", "fetch", "--into", tmp_path, "--from", "http://127.0.0.1:9")
    assert ended.status == 1
    assert ended.err.count("sered: ") == 1
    assert "Is this box online?" in ended.err


def test_models_list(sered: Sered, tmp_path: Path) -> None:
    """The list says what is in use, what can be fetched, whether it fits, and what the mini is."""
    ended = sered("models", "list", "--into", tmp_path)
    assert "vosk-mini is for the demo and the tests" in ended.out
    rows = {r["name"]: r for r in json.loads(sered("models", "list", "--json").out)}
    assert rows["vosk-mini"]["state"] == "in use"
    assert rows["emotion.tflite"]["state"] == "in use"
    assert rows["vosk-model-small-en-us-0.15"]["state"].startswith("to fetch")


# --- devices --------------------------------------------------------------------------------------


def test_devices(sered: Sered) -> None:
    """Every card that the kernel lists for recording is there by a stable name, never an index."""
    rows = json.loads(sered("devices", "--json").out)
    captures = list(Path("/proc/asound").glob("card*/pcm*c"))
    assert len(rows) == len({path.parent for path in captures})
    assert all(row["card"].startswith(("usb:", "card:", "path:")) for row in rows)
    ended = sered("devices")
    assert ended.status == 0
    assert ("No sound card that records" in ended.out) == (not rows)


# --- watch ----------------------------------------------------------------------------------------


def say(broker: Broker, topic: str, payload: str, *more: str) -> None:
    program = shutil.which("mosquitto_pub")
    assert program, "mosquitto_pub is not installed: apt-get install mosquitto-clients"
    port = str(broker.port)
    subprocess.run(
        [program, "-h", broker.host, "-p", port, "-t", topic, "-m", payload, "-q", "1", *more],
        check=True,
        timeout=10,
    )


def test_watch_json(sered: Sered, start_broker: Callable[..., Broker]) -> None:
    """--json prints one line a message, why it was set aside if so, and --count ends it."""
    broker = start_broker()
    say(broker, "sered/s/b/status", '{"state": "online", "text": "é"}', "-r")
    say(broker, "sered/s/b/health", "not json", "-r")
    whole = json.loads(encode(status(site="s", device="c")))
    say(broker, "sered/s/c/status", json.dumps(whole), "-r")
    ended = sered("watch", "--host", broker.host, "--port", broker.port, "--json", "--count", 3)
    assert ended.status == 0
    lines = sorted((json.loads(line) for line in ended.out.splitlines()), key=lambda m: m["topic"])
    assert all(line.pop("retained") for line in lines)
    assert lines == [
        {"topic": "sered/s/b/health", "set_aside": "malformed", "payload": None},
        {"topic": "sered/s/b/status", "set_aside": "unknown_schema",
         "payload": {"state": "online", "text": "é"}},
        {"topic": "sered/s/c/status", "set_aside": None, "payload": whole},
    ]  # fmt: skip


def test_watch_shows_nothing_that_steers_a_terminal(
    sered: Sered, start_broker: Callable[..., Broker]
) -> None:
    """Escapes, direction marks, endless text and endless depth on a box's topic do no harm."""
    broker = start_broker()
    evil = "\x1b[2Jhello\u202e\u0007" + "x" * 3000
    degraded = encode(status("degraded", evil, site="a", device="b")).decode()
    say(broker, "sered/a/b/status", degraded, "-r")
    say(broker, "sered/a/b/health", "[" * 1500, "-r")
    ended = sered("watch", "--host", broker.host, "--port", broker.port, "--count", 2)
    assert ended.status == 0
    assert "degraded �[2Jhello��xxx" in ended.out
    assert len(ended.out) < 700
    assert "a/b  health: left out: no JSON" in ended.err


def test_watch_for_people(sered: Sered, start_broker: Callable[..., Broker]) -> None:
    """Without --json each message is a line that starts with the box it comes from."""
    broker = start_broker()
    degraded = status("degraded", "No card.", site="paris", device="box7")
    say(broker, "sered/paris/box7/status", encode(degraded).decode(), "-r")
    ended = sered("watch", "--host", broker.host, "--port", broker.port, "--count", 1)
    assert ended.out == "paris/box7  status: degraded No card. (as last told)\n"


def test_watch_passes_over_what_it_does_not_know(
    sered: Sered, start_broker: Callable[..., Broker]
) -> None:
    """Other programs' messages and newer schemas are left out; a doctor's probe is named."""
    broker = start_broker()
    say(broker, "sered/a/b/alerts", "5", "-r")
    say(broker, "sered/a/b/calls", '{"schema": "sered.call/9"}', "-r")
    say(broker, "sered/a/b/live", '{"schema": "sered.probe/1"}', "-r")
    say(broker, "sered/a/b/status", encode(status(site="a", device="b")).decode(), "-r")
    ended = sered("watch", "--host", broker.host, "--port", broker.port, "--count", 4)
    assert ended.status == 0
    said = ["a/b  live: sered diagnose tries the topic", "a/b  status: online (as last told)"]
    assert sorted(ended.out.splitlines()) == said
    assert ended.err.count("left out") == 2


def test_watch_one_box(sered: Sered, start_broker: Callable[..., Broker]) -> None:
    """--site and --device leave the others out."""
    broker = start_broker()
    for box in ("a", "b"):
        say(broker, f"sered/s/{box}/status", encode(status(site="s", device=box)).decode(), "-r")
    place = ("--host", broker.host, "--port", broker.port)
    ended = sered("watch", *place, "--device", "b", "--count", 1)
    assert ended.out.startswith("s/b  status")


def test_watch_goes_on_after_a_restart(start_broker: Callable[..., Broker]) -> None:
    """A broker that restarts is subscribed to again."""
    broker = start_broker()
    place = ["--host", broker.host, "--port", str(broker.port)]
    with subprocess.Popen(
        [sys.executable, "-m", "sered", "watch", *place, "--json", "--count", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
    ) as watch:
        assert watch.stdout
        assert watch.stderr
        assert watch.stderr.readline().startswith("Watching")
        broker.restart()
        assert watch.stderr.readline().startswith("Lost the connection")
        assert watch.stderr.readline().startswith("Watching")
        say(broker, "sered/s/b/status", '{"state": "online"}')
        assert json.loads(watch.stdout.readline())["payload"] == {"state": "online"}
        assert watch.wait(10) == 0


def test_interrupted(start_broker: Callable[..., Broker]) -> None:
    """Ctrl-C ends `sered watch` without a word and with status 0."""
    broker = start_broker()
    place = ["--host", broker.host, "--port", str(broker.port)]
    with subprocess.Popen(
        [sys.executable, "-m", "sered", "watch", *place],
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "SERED_CONFIG": os.devnull},
    ) as watch:
        assert watch.stderr
        assert watch.stderr.readline().startswith("Watching")
        time.sleep(0.1)
        watch.send_signal(2)
        assert watch.wait(10) == 0
        assert watch.stderr.read() == ""


def test_reader_that_goes_away() -> None:
    """`sered config init - | head -1` ends without a traceback."""
    done = subprocess.run(
        f"{sys.executable} -m sered config init - | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout.startswith("# sered")
    assert done.stderr == ""


def test_terminal_without_unicode() -> None:
    """A terminal that has no − shows a minus, so that no score loses its sign."""
    code = (
        "import sys; from sered.cli import main; sys.argv = ['sered', '--version']\n"
        "try: main()\n"
        "except SystemExit: print('\\u22120.50 1\\u20132 \\u4e2d')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.splitlines()[1] == "-0.50 1-2 ?"


def test_a_dry_run_loads_all_and_touches_nothing(sered: Sered, tmp_path: Path) -> None:
    """`run --dry-run` ends with 0 where a start would succeed, without card, broker or spool."""
    path = tmp_path / "sered.toml"
    text = '[[line]]\ncard = "card:Nowhere"\n[mqtt]\nport = 9\n[spool]\npath = "spool.db"\n'
    path.write_text(text)
    ended = sered("run", "--dry-run", "--config", path)
    assert (ended.status, ended.err) == (0, "")
    assert "1 line" in ended.out
    assert list(tmp_path.iterdir()) == [path]
    path.write_text(f'mode = "audio"\n{text}[models]\nemotion = "no.tflite"\n')
    broken = sered("run", "--dry-run", "--config", path)
    assert broken.status == 1
    assert "Nothing can judge a call" in broken.err


def test_ctrl_c_while_a_library_is_loaded_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library makes of it ends as Ctrl-C does; any other error of a library stays one."""

    def told() -> None:
        raise ValueError("Error building the validator: KeyboardInterrupt: ")

    def chained() -> None:
        raise ImportError("leave the source tree") from KeyboardInterrupt()

    def broken() -> None:
        raise ImportError("no such library")

    for starts in (told, chained):
        monkeypatch.setattr(cli, "app", starts)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == INTERRUPTED
    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ImportError):
        cli.main()
