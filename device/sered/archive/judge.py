"""Judges one recording, through the very line that live sound takes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sered.archive.task import Judged, Result, Task
from sered.box.build import make_line
from sered.channels import parse_sides
from sered.contract.messages import CallReport, Live
from sered.errors import AudioError, ConfigError
from sered.records import RATE_HZ, EndReason
from sered.tap.clock import RecordingClock, recording_began
from sered.tap.paths import shown
from sered.tap.recording import Recording, check_readable
from sered.tap.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sered.box.build import Judges
    from sered.settings import LineSettings, Settings

    Progress = Callable[[str, float], None]
    """Called with a file's name and the share of it that is done."""

_AT_ONCE = 32
"""Frames that are measured together, 8 s: more cost no less."""
MONO, PAIR = "customer=mono", "agent=left,customer=right"
_CHANGED = "changed while it was read. Judge it again when nobody writes to it any more."


def judge(
    task: Task,
    settings: Settings,
    judges: Judges,
    progress: Progress = lambda _name, _share: None,
    *,
    running: bool = False,
) -> Result:
    """The calls in one recording, in order; a file that cannot be read is a result with a fault.

    `running`: keep what the score was after each utterance, for a picture.
    """
    try:
        before = _stamp(task.path)
        result = _judge(task, settings, judges, progress, running=running)
    except AudioError as error:
        return Result(task.path, fault=str(error), external_id=task.external_id)
    if _stamp(task.path) != before:
        fault = f"{shown(task.path)}: {_CHANGED}"
        return Result(task.path, fault=fault, external_id=task.external_id)
    return result


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _judge(
    task: Task, settings: Settings, judges: Judges, progress: Progress, *, running: bool
) -> Result:
    line_settings, recording = open_recording(task.path, task.sides, line_of(settings, task.line))
    clock = clock_of(recording, settings, line_settings, task.started_at)
    line = make_line(settings, line_settings, judges, clock, live=running)
    name = shown(task.path.name)
    out: list[Judged] = []
    lives: list[Live] = []

    def take(messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Live):
                lives.append(message)
            elif isinstance(message, CallReport):
                at_s = (message.started_at - clock.wall(0.0)).total_seconds()
                sides = line_settings.sides
                out.append(Judged(task.path, at_s, sides, message, tuple(lives)))
                lives.clear()

    frames = recording.frames()
    while stretch := tuple(islice(frames, _AT_ONCE)):
        line.expect(stretch)
        for frame in stretch:
            take(line.feed(frame))
        progress(name, frame.start / RATE_HZ / max(recording.duration_s, 1e-3))
    take(line.finish(EndReason.END_OF_RECORDING))
    progress(name, 1.0)
    return Result(
        task.path,
        tuple(out),
        notes=tuple(recording.notes),
        external_id=task.external_id,
        length_s=round(recording.duration_s, 3),
        assumed=line_settings.sides if task.sides is None else None,
    )


def open_recording(
    path: Path, sides: str | None, line: LineSettings
) -> tuple[LineSettings, Recording]:
    """The file, and the line with its sides; unless given they follow from its channels."""
    check_readable(path)
    known = survey(path)
    if sides is None:
        sides = MONO if known.stream.channels == 1 else PAIR
    return line.model_copy(update={"sides": sides}), Recording(path, parse_sides(sides), known)


def clock_of(
    recording: Recording,
    settings: Settings,
    line: LineSettings,
    began: datetime | None = None,
) -> RecordingClock:
    """The clock of a recording that this box judges on this line."""
    return RecordingClock(
        began or recording_began(recording.path, recording.duration_s),
        recording.survey.digest,
        settings.site,
        settings.device,
        line.name,
        settings.mode,
        line.sides,
    )


def line_of(settings: Settings, name: str | None) -> LineSettings:
    """The configured line; one that is not configured has the first one's settings."""
    first = settings.line[0]
    if name is None:
        return first
    known = next((line for line in settings.line if line.name == name), None)
    return known or first.model_copy(update={"name": name})


def check_sides(sides: str, where: str = "--sides") -> None:
    """Raise ConfigError unless `sides` says who is on which channel."""
    try:
        parse_sides(sides)
    except ValueError as error:
        msg = f"{where} {sides}: {error}."
        raise ConfigError(msg) from None
