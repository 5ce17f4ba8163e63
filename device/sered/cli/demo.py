"""`sered demo`: broker, subscriber and appliance as three programs, and one call through them."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.cli.stage import START_S, broker, ended, said, started, until
from sered.cli.watch import WATCHING
from sered.errors import BrokerError, SeredError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.contract.messages import CallReport

CALL = Path(__file__).parent.parent / "demo" / "call.wav"
_ABOUT = "The call: an order is three weeks late, the customer is put off and cancels it.\n"
_LEGEND = (
    "  voice, words: −1 unhappy to +1 happy; moved it: what this added to the score;\n"
    "  (…): weight of a phrase, −4 to +4; > marks what decided."
)
_SIDES = "agent=left,customer=right"
_END_S = 120.0
_LOOK_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the picture and the report of the call.")
    ] = Path("out"),
) -> None:
    """Judge the bundled demo call, end to end.

    Starts Mosquitto on a free loopback port, `sered watch` as subscriber and `sered run --replay`
    as the box, each a program of its own; then shows what the subscriber received: the verdict
    is the last line. Nothing is left running or configured.

    Example: sered demo
    """
    if not CALL.is_file():
        msg = f"{CALL}: the demo call is not here. Install sered again."
        raise SeredError(msg)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{out}: cannot be made ({error.strerror}). Name a folder of yours with --out."
        raise SeredError(msg) from error
    typer.echo(_ABOUT)
    with tempfile.TemporaryDirectory(prefix="sered-demo-") as folder:
        received = _play(Path(folder))
    calls = [m["payload"] for m in received if m["topic"].endswith("/calls")]
    if len(calls) != 1:
        msg = f"wanted the verdict of one call at the subscriber, found {len(calls)}."
        raise SeredError(msg)
    lives = [m["payload"] for m in received if m["topic"].endswith("/live")]
    _show(calls[0], lives, out)


def _play(folder: Path) -> list[dict[str, Any]]:
    """The call through all three programs; every message that the subscriber received."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(broker(folder))
        typer.echo(f"Broker      Mosquitto on 127.0.0.1:{port}, for this demo only")
        config = folder / "sered.toml"
        config.write_text(_configuration(folder, port), encoding="utf-8")
        common = ("--config", str(config))
        watch = started(stack, folder, "watch", *common, "--json")
        _wait_for_subscriber(watch, folder / "watch.log")
        typer.echo("Subscriber  sered watch --json, a program of its own")
        recording = ("--replay", str(CALL), "--sides", _SIDES, "--speed", "max")
        box = started(stack, folder, "run", *common, *recording)
        typer.echo("Box         sered run --replay call.wav, as fast as it can listen")
        typer.echo("\nAs the call goes, in time from its beginning:")
        received = list(_messages(watch, box))
        ended(box, patience_s=START_S)
        if box.returncode != 0:
            msg = f"the box ended with status {box.returncode}:\n{said(folder, 'run')}"
            raise SeredError(msg)
    return received


def _configuration(folder: Path, port: int) -> str:
    spool = json.dumps(str(folder / "spool.db"))
    return (
        'site = "demo"\ndevice = "box"\nlog_level = "warning"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\nlive = true\n[spool]\npath = {spool}\n'
    )


def _messages(
    watch: subprocess.Popen[bytes], box: subprocess.Popen[bytes]
) -> Iterator[dict[str, Any]]:
    """What the subscriber prints, until the box has said goodbye; shows how the call goes."""
    from sered.cli.tables import signed
    from sered.contract.explain import clock

    for line in _lines(watch, box):
        message: dict[str, Any] = json.loads(line)
        yield message
        payload, leaf = message["payload"], message["topic"].rpartition("/")[2]
        if leaf == "live":
            typer.echo(
                f"  {clock(payload['offset_s'])}  {payload['duration_s']:3.1f} s, sounds "
                f"{payload['emotion'] or 'unclear':9} running score {signed(payload['running'])}"
            )
        elif leaf == "alerts":
            typer.echo(f"  alert: {payload['state']}")
        elif leaf == "status" and payload["state"] == "offline":
            return


def _lines(program: subprocess.Popen[bytes], box: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Whole lines of a program's output until it or the box has ended, or the time is over."""
    assert program.stdout is not None
    end = time.monotonic() + _END_S
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(program.stdout, selectors.EVENT_READ)
        while time.monotonic() < end:
            if not ready.select(_LOOK_S):
                if box.poll() is not None:
                    return
                continue
            chunk = os.read(program.stdout.fileno(), 65_536)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines


def _show(call: dict[str, Any], lives: list[dict[str, Any]], out: Path) -> None:
    from sered.channels import parse_sides
    from sered.cli.loudness import loudness
    from sered.cli.plot import Picture, draw
    from sered.cli.tables import show_call
    from sered.contract.messages import CallReport, Live
    from sered.settings import VerdictSettings
    from sered.tap.clock import recording_began
    from sered.tap.recording import Recording

    report = CallReport.model_validate(call)
    recording = Recording(CALL, parse_sides(_SIDES))
    began = recording_began(CALL, recording.duration_s)
    at_s = (report.started_at - began).total_seconds()
    typer.echo("\nWhat the subscriber received:\n")
    show_call(options.console(), report, CALL.name, at_s)
    typer.echo(_LEGEND)
    picture = Picture(
        report,
        [Live.model_validate(live) for live in lives],
        loudness(recording.frames()),
        at_s,
        VerdictSettings().escalate_below,
        CALL.name,
    )
    draw(picture, out / "demo-call.png")
    text = json.dumps(call, indent=2, ensure_ascii=False)
    (out / "call.json").write_text(f"{text}\n", encoding="utf-8")
    say = options.console()
    say.print(f"\nKept: {out / 'demo-call.png'} (a picture), {out / 'call.json'} (as it came)")
    for step in _next_steps():
        say.print(step)
    say.print(f"\nVerdict: {_verdict(report)}")


def _next_steps() -> Iterator[str]:
    program = Path(sys.argv[0])
    if program.name != "sered" or shutil.which("sered") == str(program):
        program = Path("sered")
    elif program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    yield f"Next: {program} analyze YOUR.wav --explain   judges a recording of yours"
    yield "      models/MODEL_CARD.md   how far to trust it; these voices are synthetic"
    yield "      sudo make install      on a box at a desk; README.md has the wiring"


def _verdict(report: CallReport) -> str:
    from sered.cli.tables import signed

    feeling = report.sentiment
    if feeling is None:
        return "none, nobody answered"
    word = (feeling.category or "undetermined").upper()
    todo = ": call the customer back" if feeling.escalate else ""
    return f"{word}, score {signed(feeling.score)}{todo}"


def _wait_for_subscriber(watch: subprocess.Popen[bytes], log: Path) -> None:
    until(lambda: WATCHING in log.read_text() or watch.poll() is not None)
    if WATCHING not in log.read_text():
        msg = f"the subscriber did not start:\n{log.read_text()}"
        raise BrokerError(msg)
