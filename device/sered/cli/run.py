"""`sered run`: the service, on live taps or on a recording that takes their place."""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from sered.box.build import Feed
    from sered.settings import LineSettings, Settings

log = logging.getLogger(__name__)

_DRAIN_S = 5.0


class Speed(StrEnum):
    """How fast a recording is played."""

    REALTIME = "realtime"
    MAX = "max"


_Replay = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Play this recording instead of listening live."),
]
_Line = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which line it is played on; the first.")
]
_Sides = Annotated[
    str | None,
    typer.Option(help="Who is on which of its channels; without it as `sered analyze` does."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    config: options.Config = None,
    replay: _Replay = None,
    line: _Line = None,
    sides: _Sides = None,
    speed: Annotated[Speed, typer.Option(help="How fast it is played.")] = Speed.REALTIME,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Load all that a start needs, and end.")
    ] = False,
) -> None:
    """Run the service: listen, judge, publish.

    It runs until it is told to stop. With --replay it ends with the recording, when the broker
    has every verdict.

    Examples: sered run; sered run --replay call.wav --speed max
    """
    settings = options.settings(config)
    if replay is None and (line or sides):
        msg = "--line and --sides belong to --replay FILE; live lines are in the configuration."
        raise ConfigError(msg)
    log_to_stderr(settings.log_level)
    if dry_run:
        _load_all(settings)
        return
    from sered import config as surroundings
    from sered.box.build import live_feeds
    from sered.box.sd_notify import Notifier
    from sered.box.service import Service
    from sered.diagnose import status_checks

    notifier = Notifier(surroundings.notify_socket())
    if replay is None:
        service = Service(
            settings,
            live_feeds(settings),
            notifier,
            surroundings.runtime_dir(),
            look=partial(status_checks.faults, settings),
        )
        status = service.run()
        logging.shutdown()
        # to free the models takes seconds on a busy box, and may crash under a thread that is stuck
        os._exit(status)
    service = Service(settings, [_recorded(settings, replay, line, sides, speed)], notifier)
    status = service.run(drain_s=_DRAIN_S)
    if service.left:
        where = f"wait in {settings.spool.path}" if service.kept else "are lost"
        again = "They go out when `sered run` next reaches it." if service.kept else ""
        msg = f"{service.left} message(s) {where}: {service.why} {again}"
        raise BrokerError(msg.strip())
    raise typer.Exit(status)


def _load_all(settings: Settings) -> None:
    """Everything that a start imports and loads; no card, spool or broker is touched."""
    import pyaudio  # noqa: F401 - the capture's child needs it; a broken one shows here

    from sered.box import build
    from sered.box.service import Service  # noqa: F401 - as the service starts
    from sered.delivery import connection  # noqa: F401 - as the publisher does
    from sered.diagnose import status_checks

    judges = build.load_judges(settings)
    for feed in build.live_feeds(settings):
        build.make_line(settings, feed.line, judges, feed.clock)
    status_checks.faults(settings)
    for _, sentence in judges.faults:
        typer.echo(f"sered: {sentence}", err=True)
    typer.echo(f"All that a start needs is here, for {len(settings.line)} line(s).")


def _recorded(
    settings: Settings, path: Path, line: str | None, sides: str | None, speed: Speed
) -> Feed:
    """The recording on its line, with the clock that `sered analyze` gives it."""
    from sered.archive.judge import check_sides, clock_of, open_recording
    from sered.box.build import Feed
    from sered.tap.paths import shown
    from sered.tap.recording import Paced

    if sides is not None:
        check_sides(sides)
    played, recording = open_recording(path, sides, _line(settings, line))
    for note in recording.notes:
        log.warning("recording.note file=%s %s", shown(path), note)
    clock = clock_of(recording, settings, played)
    source = Paced(recording) if speed is Speed.REALTIME else recording
    return Feed(played, source, clock)


def _line(settings: Settings, name: str | None) -> LineSettings:
    for line in settings.line:
        if name in (None, line.name):
            return line
    known = ", ".join(line.name for line in settings.line)
    msg = f"--line {name}: no such line in the configuration; known: {known}."
    raise ConfigError(msg)


def log_to_stderr(level: str) -> None:
    """Log lines of a service: journald stamps them, a terminal gets the time."""
    # journald stamps each line itself
    form = (
        "%(asctime)s %(levelname)s %(message)s"
        if sys.stderr.isatty()
        else "%(levelname)s %(message)s"
    )
    logging.basicConfig(level=level.upper(), format=form, stream=sys.stderr)
