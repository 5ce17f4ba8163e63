"""`sered diagnose`: will this box do its job, what is wrong, what to do."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sered.diagnose.model import Check, Context, Group, Result
    from sered.diagnose.report import Report

_Groups = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(diagnose)


def diagnose(
    config: options.Config = None,
    only: Annotated[
        _Groups, typer.Option("--only", metavar="GROUP", help="Only this group; may be repeated.")
    ] = None,
    skip: Annotated[
        _Groups, typer.Option("--skip", metavar="GROUP", help="Not this group; may be repeated.")
    ] = None,
    as_json: options.Json = False,
    list_: Annotated[bool, typer.Option("--list", help="List the checks and end.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended safely, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask.")] = False,
    lift_handset: Annotated[
        bool,
        typer.Option("--lift-handset", help="Walk through a call: lift, press 1, speak, hang up."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="A level meter to wire a tap by; Ctrl-C ends it.")
    ] = False,
    line: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which line is walked through or watched.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="With --watch: end after so long.", min=0.0)
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an archive for support too (.tar.gz)."),
    ] = None,
    central: Annotated[
        bool, typer.Option("--central", help="Examine sered central instead of a box.")
    ] = False,
) -> None:
    """Examine this box in under 30 s and say what to do about each fault.

    Exit status: 0 nothing failed (warnings may be there), 1 something failed or could not be
    looked at, 2 wrong command line. Works with and without the running service, and disturbs
    neither it nor a call.

    Example: sudo sered diagnose
    """
    if central:
        from sered.cli import diagnose_central

        diagnose_central.examine(config, as_json=as_json)
        return
    from sered.diagnose import groups, printers, report

    try:
        chosen = groups.choose(only or (), skip or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only/--skip") from None
    console = options.console()
    if list_:
        for part in printers.listing(chosen):
            console.print(part)
        return
    context = context_of(config)
    if watch or lift_handset:
        from sered.cli import diagnose_live

        diagnose_live.either(context, line, seconds, watching=watch, as_json=as_json)
        return
    say = options.console(err=True) if as_json else console
    began = time.monotonic()
    results = examined(chosen, context, None if as_json else console)
    if not as_json:
        close(console, results, time.monotonic() - began)
    if fix and (mended := _mend(results, context, say, ask=not yes)):
        say.print("\nAgain, what was mended:")
        again = [group for group in chosen if group.name in mended]
        context = context_of(config)
        fresh = examined(again, context, None if as_json else console)
        results = [r for r in results if r.check.group not in mended] + fresh
        if not as_json:
            close(console, results, time.monotonic() - began)
    made = report.document(results, context.settings, time.monotonic() - began, datetime.now(UTC))
    if as_json:
        options.print_json(made.model_dump(mode="json", by_alias=True))
    if bundle is not None:
        _bundle(bundle, results, context, made)
    if not made.healthy:
        raise typer.Exit(1)


def context_of(path: Path | None) -> Context:
    """What there is to examine; a configuration that cannot be read is a finding, not the end."""
    from sered import config
    from sered.box import snapshot
    from sered.diagnose.model import Context
    from sered.errors import ConfigError

    settings, said = None, ""
    try:
        settings = config.load(path)
    except ConfigError as error:
        said = str(error)
    state = snapshot.read(config.runtime_dir())
    return Context(
        settings,
        config.chosen_path(path),
        said,
        service=state if state is not None and state.fresh else None,
    )


def examined(chosen: Sequence[Group], context: Context, console: Console | None) -> list[Result]:
    """Run the checks, printing each result as it comes; no console, no word."""
    from sered.diagnose import printers, runner

    live = console is not None and console.is_terminal
    page = printers.Page(chosen)
    results: list[Result] = []

    def waits_for(check: Check) -> None:
        if console is not None and live:
            console.print(f"    ..  {check.claim}"[: console.width - 1], end="\r", style="dim")

    for result in runner.run(chosen, context, waits_for=waits_for):
        results.append(result)
        if console is None:
            continue
        if live:
            console.print(" " * (console.width - 1), end="\r")
        for part in page.add(result):
            console.print(part)
    if console is not None:
        for part in page.end():
            console.print(part)
        console.print()
    return results


def close(console: Console, results: Sequence[Result], took_s: float) -> None:
    """The last lines: how many of each, and how long it took."""
    from sered.diagnose import printers

    for part in printers.closing(results, took_s):
        console.print(part)


def _bundle(path: Path, results: Sequence[Result], context: Context, made: Report) -> None:
    from rich.console import Console

    from sered.diagnose import bundle, printers
    from sered.errors import SeredError

    text = io.StringIO()
    plain = Console(file=text, width=100, highlight=False, markup=False, emoji=False)
    for result in results:
        plain.print(printers.row(result))
    close(plain, results, made.took_s)
    found = {
        "report.txt": text.getvalue(),
        "report.json": made.model_dump_json(by_alias=True, indent=1),
    }
    files = bundle.collect(context, found)
    try:
        bundle.write(path, files)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}). Name a file in another folder."
        raise SeredError(msg) from None
    typer.echo(f"Archive: {path}. No secrets, sound or words are in it.", err=True)


def _mend(results: Sequence[Result], context: Context, console: Console, *, ask: bool) -> set[str]:
    """Mend what the person agrees to; the groups of what was tried."""
    from sered.diagnose import fixes

    found = fixes.possible(results)
    if not found:
        console.print("\nNothing of this can be mended by itself.")
        return set()
    console.print("\nThis can be mended now:")
    for result, cure in found:
        console.print(f"  {result.check.id}: {cure.says}")
    if ask and not typer.confirm("Do it?", default=False, err=True):
        return set()
    for result, cure in found:
        console.print(f"  {result.check.id}: {fixes.apply(cure, context) or 'done'}")
    return {result.check.group for result, _ in found}
