"""The command line: parses, prints and exits; everything it does is done elsewhere."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import Annotated

import typer

from sered import __version__
from sered.cli import (
    analyze,
    central,
    config,
    demo,
    devices,
    diagnose,
    enrol,
    first_boot,
    front,
    label,
    models,
    run,
    watch,
)
from sered.errors import SeredError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

_SIGNS = {"−": "-", "–": "-", "…": "...", "“": '"', "”": '"', "·": "|"}

app = typer.Typer(
    name="sered",
    help=(
        "Hears how customers feel on a desk phone, offline, and publishes one verdict a call.\n\n"
        "Exit status: 0 done, 1 failed or partly failed, 2 wrong usage or configuration.\n\n"
        "Example: sered analyze call.wav --plot call.png"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sered {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


for _module in (run, analyze, label, devices, diagnose, watch, demo, enrol, first_boot, front):
    _module.register(app)
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(central.app, name="central")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What a terminal without Unicode shows instead: a minus must not become a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign, "?") for sign in signs), error.end


def main() -> None:
    """Run one command; every error that a user may see is one sentence on stderr."""
    # numpy is not loaded yet: its matrices here are small, and threads would wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    try:
        app()
    except SeredError as error:
        typer.echo(f"sered: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # `sered ... | head`: whoever read us has gone, which is no fault
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if not _by_ctrl_c(error):
            raise
        sys.exit(INTERRUPTED)


def _by_ctrl_c(error: BaseException | None) -> bool:
    """Whether a library that was being loaded made an error of its own of Ctrl-C."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
