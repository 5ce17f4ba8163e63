"""The two live halves of `sered diagnose`: the level meter and the walk through a call."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from sered.cli import options
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from sered.diagnose.live.overhear import Look, Overhearing
    from sered.diagnose.model import Context
    from sered.settings import LineSettings

_REFRESH_S = 0.2
_LATELY = 5
"""Looks that what a side carries is told from: a second."""


def _lines(context: Context) -> Sequence[LineSettings]:
    if context.settings is None:
        raise ConfigError(context.config_error)
    if context.outdated:
        msg = "The running service uses another configuration: sudo systemctl restart sered"
        raise ConfigError(msg)
    return context.settings.line


def either(
    context: Context, line: str | None, seconds: float | None, *, watching: bool, as_json: bool
) -> None:
    """The level meter, or the walk through a call."""
    if watching:
        watch(context, line, seconds)
    else:
        lift_handset(context, line, as_json=as_json)


def watch(context: Context, name: str | None, seconds: float | None) -> None:
    """Show levels until Ctrl-C; a line a second where there is no terminal."""
    from sered.diagnose.live import overhear

    lines = _lines(context)
    if name is not None:
        lines = (overhear.choose(tuple(lines), name),)
    runs = context.service is not None
    ears = {line.name: overhear.follow(line, service_runs=runs) for line in lines}
    sides = {line.name: [str(side) for side in line.channels] for line in lines}
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _meter(ears, sides, end)
    finally:
        for one in ears.values():
            one.close()


def _meter(ears: dict[str, Overhearing], sides: dict[str, list[str]], end: float) -> None:
    from rich.live import Live

    console = options.console()
    if not console.is_terminal:
        for rows in _rows(ears, sides, console, end, 1.0):
            console.print(rows)
        return
    console.print("Talk belongs between the two bars (-45 to -12 dBFS). Ctrl-C ends.", style="dim")
    with Live(console=console, auto_refresh=False) as live:
        for rows in _rows(ears, sides, console, end, _REFRESH_S):
            live.update(rows, refresh=True)


def _rows(
    ears: dict[str, Overhearing],
    sides: dict[str, list[str]],
    console: Console,
    end: float,
    every_s: float,
) -> Iterator[RenderableType]:
    from rich.console import Group

    from sered.diagnose.live import meter

    looks: dict[str, list[Look]] = {name: [one.look()] for name, one in ears.items()}
    while time.monotonic() < end:
        time.sleep(every_s)
        rows = []
        for name, one in ears.items():
            looks[name] = [*looks[name][-_LATELY:], one.look()]
            now = looks[name][-1]
            rows += meter.rows(name, now, now.since(looks[name][0]), sides[name], console.width)
        yield Group(*rows)


def lift_handset(context: Context, name: str | None, *, as_json: bool) -> None:
    """Walk the technician through a call; exit status 1 when a step failed."""
    from sered.diagnose import printers, report
    from sered.diagnose.live import handset, overhear

    line = overhear.choose(tuple(_lines(context)), name)
    console, say = options.console(), options.console(err=as_json)
    ears = overhear.follow(line, service_runs=context.service is not None)
    began, results = time.monotonic(), []
    try:
        overhear.wait_for_sound(ears)
        say.print(f"Line {line.name}. Leave the handset on its rest until you are asked.")
        for result in handset.walk(
            line.name, line.channels, ears, lambda prompt: say.print(f"\n> {prompt}", style="bold")
        ):
            results.append(result)
            if not as_json:
                console.print(printers.row(result))
    finally:
        ears.close()
    took_s = time.monotonic() - began
    if as_json:
        made = report.document(results, context.settings, took_s, datetime.now(UTC))
        options.print_json(made.model_dump(mode="json", by_alias=True))
    else:
        console.print()
        for part in printers.closing(results, took_s):
            console.print(part)
    if any(result.mark == "fail" for result in results):
        raise typer.Exit(1)
