"""`sered central demo`: broker, central, boxes, an exchange and a team, on this machine."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import signal
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.cli.demo import CALL
from sered.cli.stage import broker, free_port, said, started, until
from sered.errors import SeredError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sered.central.context import Central
    from sered.central.simulate.truth import TrueCall

_DESKS = 14
_LOGINS = ("lea", "tom")
_REAL = "demo,box,line1,2999,service"
_STEPS = ("opened", "told", "claimed", "called", "closed")
_Minutes = Annotated[
    float, typer.Option(min=0.05, help="How long simulated boxes make calls; with --once 0.3.")
]


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Without a person: a scripted team works, and it ends.")
    ] = False,
    minutes: _Minutes = 60.0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where --once writes central.json.")] = (
        Path("out")
    ),
    as_json: options.Json = False,
) -> None:
    """Show the whole chain with nothing to configure.

    Mosquitto, central on SQLite, simulated boxes of several sites, a real box that hears the demo
    call, a telephone exchange that says who called, and the board with a login for this run only.
    Nothing is left running or configured.

    Example: sered central demo --once
    """
    # ended from outside it ends what it started, as with Ctrl-C
    signal.signal(signal.SIGTERM, lambda *_: _interrupted())
    with (
        tempfile.TemporaryDirectory(prefix="sered-central-") as folder,
        contextlib.ExitStack() as s,
    ):
        stage = _Stage(Path(folder), s)
        quiet = as_json
        if not quiet:
            typer.echo(f"Broker    Mosquitto on 127.0.0.1:{stage.port}")
            typer.echo(f"Central   {stage.address} on SQLite")
            typer.echo(f"Boxes     {_DESKS} simulated, and a real one with the demo call")
        if once:
            told = _once(stage, 0.3 if minutes == 60.0 else minutes)
            _write(out, told)
            options.print_json(told) if as_json else _table(told)
            return
        typer.echo(f"\nOpen      {stage.address}/")
        typer.echo(f"Login     {_LOGINS[0]}   password {stage.password}   (for this run only)")
        typer.echo("Ctrl-C ends everything.\n")
        with contextlib.suppress(KeyboardInterrupt):
            _play(stage, minutes * 60.0, a_second=0.1, speed="realtime")


def _interrupted() -> None:
    raise KeyboardInterrupt


class _Stage:
    """Broker, store, users and the running central."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        from sered.central import api_tokens, people
        from sered.central.simulate import truth

        self.folder, self._stack = folder, stack
        self.port = stack.enter_context(broker(folder))
        self.hook = _Hook()
        stack.callback(self.hook.close)
        board = free_port()
        self.address = f"http://127.0.0.1:{board}"
        self.desks = truth.desks(_DESKS)
        self.central = _prepared(folder, self.port, board, self.hook.port)
        stack.callback(self.central.store.close)
        self.password = secrets.token_urlsafe(9)
        roles = [people.Role.AGENT, people.Role.LEAD, people.Role.ADMIN]
        for login in _LOGINS:
            people.add_user(
                self.central, login, self.password, roles, teams=["recovery", "billing"],
                name=login.title(),
            )  # fmt: skip
        _lines(self.central, folder, self.desks)
        self.token = api_tokens.issue(self.central, "pbx")
        self._run = started(stack, folder, "central run", "--config", str(folder / "central.toml"))
        self._wait()

    def box(self, speed: str) -> subprocess.Popen[bytes]:
        """The real box, which hears the demo call."""
        config = self.folder / "sered.toml"
        # a recording ends when its file was last written: the call has just been made
        call = Path(shutil.copyfile(CALL, self.folder / "call.wav"))
        spool = json.dumps(str(self.folder / "spool.db"))
        config.write_text(
            'site = "demo"\ndevice = "box"\nlog_level = "warning"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self.port}\n[spool]\npath = {spool}\n',
            encoding="utf-8",
        )
        return started(
            self._stack, self.folder, "run", "--config", str(config), "--replay", str(call),
            "--sides", "agent=left,customer=right", "--speed", speed,
        )  # fmt: skip

    def _wait(self) -> None:
        import httpx

        def alive() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{self.address}/alive", timeout=2.0).status_code == 200
            return self._run.poll() is not None

        end = time.monotonic() + 60.0
        while not alive() and time.monotonic() < end:
            time.sleep(0.1)
        until(alive)
        if self._run.poll() is not None:
            msg = f"central did not start:\n{said(self.folder, 'run')}"
            raise SeredError(msg)


def _prepared(folder: Path, broker_port: int, board: int, hook: int) -> Central:
    from sered.central import configuration
    from sered.central.context import open_central
    from sered.central.store import migrate

    toml = folder / "central.toml"
    toml.write_text(
        f"""
[source]
host = "127.0.0.1"
port = {broker_port}
[store]
url = "sqlite:///{folder}/central.db"
[web]
port = {board}
[delivery]
address = "http://127.0.0.1:{board}"
allow = ["127.0.0.1"]
[[channel]]
name = "chat"
kind = "webhook"
url = "http://127.0.0.1:{hook}/"
[[team]]
name = "recovery"
step = [{{ after_s = 0, channel = "chat" }}]
[[team]]
name = "billing"
title = "Billing"
causes = ["billing"]
step = [{{ after_s = 0, channel = "chat" }}]
""",
        encoding="utf-8",
    )
    (folder / "central-key").write_text(secrets.token_hex(32) + "\n")
    (folder / "central-channel-chat").write_text(secrets.token_hex(16) + "\n")
    central = open_central(configuration.load(toml))
    migrate.upgrade(central.store)
    return central


def _lines(central: Central, folder: Path, desks: Any) -> None:
    from sered.central import importing

    rows = [f"{d.site},{d.device},{d.line},{d.extension},{d.queue}" for d in desks]
    path = folder / "lines.csv"
    path.write_text("\n".join(["site,device,line,extension,queue", *rows, _REAL]) + "\n")
    importing.lines(central, path)


@dataclass(slots=True)
class _Sent:
    """What the simulated boxes published."""

    calls: list[TrueCall] = field(default_factory=list)
    escalated: int = 0


def _play(stage: _Stage, seconds: float, a_second: float, speed: str) -> _Sent:
    """Boxes make calls, the exchange says who called, the real box hears its own."""
    from sered.central.simulate import exchange, messages, play

    fleet = play.Fleet(stage.central.settings.source, stage.desks, secrets.token_hex(4))
    sent = _Sent()
    pbx = _Exchange(stage.address, stage.token)
    try:
        play.present(fleet, play.Played())
        box = stage.box(speed)
        pbx.began("+493012345678", "2999", "real")
        source = play.calls_now(stage.desks, escalating=0.4)
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            if len(sent.calls) > passed * a_second:
                time.sleep(0.05)
                continue
            call = next(source)
            for leg in exchange.legs([call], seed=len(sent.calls)):
                pbx.whole(leg)
            if call.escalate:
                fleet.publish(call.desk, "alerts", messages.alert(call, "confirmed"))
                sent.escalated += 1
            fleet.publish(call.desk, "calls", messages.report(call))
            sent.calls.append(call)
        fleet.settle()
        if speed == "max":
            box.wait(120.0)
            pbx.ended("real")
    finally:
        pbx.close()
        fleet.close()
    return sent


class _Exchange:
    """Pushes events, as exchanges do."""

    def __init__(self, address: str, token: str) -> None:
        import httpx

        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=20.0)

    def whole(self, leg: Any) -> None:
        """A call that is over."""
        common = {"callId": leg.id, "from": leg.callers[0], "to": leg.called[0], "direction": "in"}
        self._say(common | {"event": "newCall", "at": leg.started.isoformat()})
        if leg.answered:
            self._say({"event": "answer", "callId": leg.id, "at": leg.answered.isoformat()})
        self._say({"event": "hangup", "callId": leg.id, "at": leg.ended.isoformat()})

    def began(self, caller: str, extension: str, key: str) -> None:
        """A call that has just been answered."""
        common = {"callId": key, "from": caller, "to": extension, "direction": "in"}
        self._say(common | {"event": "newCall"})
        self._say({"event": "answer", "callId": key})

    def ended(self, key: str) -> None:
        """A call that has just ended."""
        self._say({"event": "hangup", "callId": key})

    def close(self) -> None:
        """Push no more."""
        self._client.close()

    def _say(self, event: dict[str, str]) -> None:
        self._client.post("/pbx/event", data=event).raise_for_status()


class _Hook:
    """Takes the notifications, as a team's chat would."""

    def __init__(self) -> None:
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        count: list[float] = []

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                count.append(time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.taken = count
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


def _once(stage: _Stage, minutes: float) -> dict[str, Any]:
    """Boxes speak, the team works, until nothing is left to do; what came of it."""
    from sered.central.simulate.team import Person

    playing = threading.Event()
    playing.set()
    people = [Person(stage.address, login, stage.password) for login in _LOGINS]
    workers = [_working(person, playing.is_set) for person in people]
    try:
        sent = _play(stage, minutes * 60.0, a_second=2.0, speed="max")
        # what was published is acknowledged; give the last of it time to become a case
        time.sleep(2.0)
    finally:
        playing.clear()
        for worker in workers:
            worker.join(60.0)
        for person in people:
            person.close()
    return _told(stage, sent, [person.worked for person in people])


def _working(person: Any, going: Callable[[], bool]) -> threading.Thread:
    thread = threading.Thread(target=person.work, args=(going,), daemon=True)
    thread.start()
    return thread


def _told(stage: _Stage, sent: _Sent, worked: list[Any]) -> dict[str, Any]:
    from sqlalchemy import func, select

    from sered.central.store.tables import call, cases, outbox

    with stage.central.store.reading() as connection:
        rows = connection.execute(select(cases)).all()
        calls = connection.scalar(select(func.count()).select_from(call))
        told = dict(connection.execute(select(outbox.c.case_id, outbox.c.sent_at)).tuples().all())
    waits: dict[str, list[float]] = {step: [] for step in _STEPS}
    for row in rows:
        moments = {
            "opened": row.opened_at, "told": told.get(row.id), "claimed": row.claimed_at,
            "called": row.called_at, "closed": row.closed_at,
        }  # fmt: skip
        for step, at in moments.items():
            if at is not None:
                # the simulated calls end at the moment they are published
                waits[step].append((at - row.call_ended_at) / timedelta(seconds=1))
    return {
        "published": {"calls": len(sent.calls) + 1, "to_call_back": sent.escalated + 1},
        "came_in": {"calls": calls, "cases": len(rows)},
        "claimed": sum(len(w.claimed) for w in worked),
        "second_clicks": sum(w.lost for w in worked),
        "numbers": {
            "sure": sum(w.numbers for w in worked),
            "chosen": sum(w.chosen for w in worked),
            "asked": sum(w.asked for w in worked),
        },
        "called": sum(row.called_at is not None for row in rows),
        "closed": sum(row.state == "closed" for row in rows),
        "recovered": sum(row.outcome == "recovered" for row in rows),
        "notifications": len(stage.hook.taken),
        "seconds_from_hang_up": {
            step: {
                "median": round(statistics.median(each), 2),
                "most": round(max(each), 2),
                "cases": len(each),
            }
            for step, each in waits.items()
            if each
        },
    }


def _table(told: dict[str, Any]) -> None:
    typer.echo("\nWhat came of it")
    for name in ("published", "came_in", "numbers"):
        parts = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in told[name].items())
        typer.echo(f"  {name.replace('_', ' '):16}{parts}")
    for name in ("claimed", "second_clicks", "called", "closed", "recovered", "notifications"):
        typer.echo(f"  {name.replace('_', ' '):16}{told[name]}")
    typer.echo("\nSeconds from the hang-up      median    most   cases")
    for step, each in told["seconds_from_hang_up"].items():
        typer.echo(f"  {step:26}{each['median']:8.2f}{each['most']:8.2f}{each['cases']:8}")


def _write(out: Path, told: dict[str, Any]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "central.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"{out}: cannot be written ({error.strerror}). Name a folder of yours with --out."
        raise SeredError(msg) from None
    typer.echo(f"As JSON: {out / 'central.json'}", err=True)
