"""`sered central demo`: broker, central, boxes, an exchange and a team, on this machine."""

from __future__ import annotations

import contextlib
import json
import secrets
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
from sered.cli.central_stage import DESKS, LOGINS, Demonstration, Exchange
from sered.cli.central_year import ToldYear
from sered.errors import SeredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.central.simulate.truth import TrueCall

_STEPS = ("opened", "told", "claimed", "called", "closed")
_Minutes = Annotated[
    float, typer.Option(min=0.05, help="How long simulated boxes make calls; with --once 0.3.")
]


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Without a person: a scripted team works, and it ends.")
    ] = False,
    year: Annotated[
        bool,
        typer.Option("--year", help="With a year of life behind it whose truth is known."),
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

    Examples: sered central demo --once; sered central demo --year
    """
    # ended from outside it ends what it started, as with Ctrl-C
    signal.signal(signal.SIGTERM, lambda *_: _interrupted())
    with (
        tempfile.TemporaryDirectory(prefix="sered-central-") as folder,
        contextlib.ExitStack() as s,
    ):
        told = ToldYear() if year else None
        if told and not as_json:
            typer.echo("A year is filled in (half a minute).")
        stage = Demonstration(
            Path(folder), s, told.fill if told else lambda _: None, told.settings if told else ""
        )
        quiet = as_json
        if not quiet:
            typer.echo(f"Broker    Mosquitto on 127.0.0.1:{stage.port}")
            typer.echo(f"Central   {stage.address} on SQLite")
            typer.echo(f"Boxes     {DESKS} simulated, and a real one with the demo call")
        if told and not as_json:
            told.table()
        if once:
            worked = _once(stage, 0.3 if minutes == 60.0 else minutes)
            _write(out, worked)
            options.print_json(worked) if as_json else _table(worked)
            return
        typer.echo(f"\nOpen      {stage.address}{'/figures/right' if year else '/'}")
        typer.echo(f"Login     {LOGINS[0]}   password {stage.password}   (for this run only)")
        typer.echo("Ctrl-C ends everything.\n")
        with contextlib.suppress(KeyboardInterrupt):
            _play(stage, minutes * 60.0, a_second=0.1, speed="realtime")


def _interrupted() -> None:
    raise KeyboardInterrupt


@dataclass(slots=True)
class _Sent:
    """What the simulated boxes published."""

    calls: list[TrueCall] = field(default_factory=list)
    escalated: int = 0


def _play(stage: Demonstration, seconds: float, a_second: float, speed: str) -> _Sent:
    """Boxes make calls, the exchange says who called, the real box hears its own."""
    from sered.central.simulate import exchange, messages, play

    fleet = play.Fleet(stage.central.settings.source, stage.desks, secrets.token_hex(4))
    sent = _Sent()
    pbx = Exchange(stage.address, stage.token)
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


def _once(stage: Demonstration, minutes: float) -> dict[str, Any]:
    """Boxes speak, the team works, until nothing is left to do; what came of it."""
    from sered.central.simulate.team import Person

    playing = threading.Event()
    playing.set()
    people = [Person(stage.address, login, stage.password) for login in LOGINS]
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


def _told(stage: Demonstration, sent: _Sent, worked: list[Any]) -> dict[str, Any]:
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
