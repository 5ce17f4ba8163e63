"""`sered analyze`: recordings in, verdicts out, through the very line that live sound takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.errors import AudioError, ConfigError, SeredError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sered.box.build import Judges
    from sered.contract.messages import CallReport, Live
    from sered.settings import LineSettings, Settings
    from sered.tap.clock import RecordingClock
    from sered.tap.recording import Recording

    Progress = Callable[[str, float], None]
    """Called with a file's name and the share of it that is done."""

_MONO, _PAIR = "customer=mono", "agent=left,customer=right"


@dataclass(frozen=True, slots=True)
class Judged:
    """One call of a recording."""

    path: Path
    at_s: float
    """Where in the recording it begins."""
    sides: str
    report: CallReport
    running: tuple[Live, ...]


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of one file."""

    path: Path
    calls: list[Judged]
    fault: str | None = None
    notes: tuple[str, ...] = ()
    passed_over: str | None = None
    """Why the file was not tried."""


_Files = Annotated[
    list[Path], typer.Argument(metavar="FILE|DIR...", help="Recordings, or folders of them.")
]
_Sides = Annotated[
    str | None,
    typer.Option(
        help="Who is on which channel: customer=right,agent=left; or mixed=mono. Without it "
        "a pair is agent=left,customer=right and a single channel is the customer's."
    ),
]
_Plot = Annotated[
    Path | None, typer.Option(metavar="OUT.png", help="Draw each call; several are numbered.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(analyze)


def analyze(
    files: _Files,
    mode: options.Mode = None,
    sides: _Sides = None,
    plot: _Plot = None,
    explain: Annotated[bool, typer.Option("--explain", help="How the score came about.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Judge recorded calls.

    WAV, FLAC, OGG, MP3 and what exchanges write; with ffmpeg installed also what phones write.
    Any rate from 8 kHz, any channels; folders are searched, and what is passed over is named.
    A broken file is named with its reason, the rest go on, and the exit status is 1.

    Examples: sered analyze call.wav --plot call.png; sered analyze calls/ --json
    """
    from sered.cli.recordings import find

    settings = options.settings(config, {"mode": mode})
    if sides is not None:
        check_sides(sides)
    found = find(files)
    results = []
    for result in _judge_all(found.files, sides, settings, live=plot is not None):
        results.append(result)
        if not as_json:
            _show(result, explain=explain)
    results += [_Result(path, [], passed_over=why) for path, why in found.passed_over]
    if said := found.sentence():
        options.console(err=True).print(f"note: {said}", soft_wrap=True)
    if as_json:
        _print_json(results)
    if plot is not None:
        _draw([call for result in results for call in result.calls], plot, settings)
    if any(result.fault for result in results):
        raise typer.Exit(1)


def _judge_all(
    files: list[Path], sides: str | None, settings: Settings, *, live: bool
) -> Iterator[_Result]:
    """Each file in turn; what there is to say on the way goes to stderr."""
    from sered.box.build import load_judges
    from sered.cli.progress import Bar, Lines

    say = options.console(err=True)
    judges = load_judges(settings)
    for _, sentence in judges.faults:
        say.print(f"note: {sentence}", soft_wrap=True)
    progress = Bar(say) if say.is_terminal else Lines(say, len(files))
    noted: set[str] = set()
    for path in files:
        calls, fault, notes = [], None, list[str]()
        try:
            with progress:
                calls = judge_file(path, sides, settings, judges, progress, notes, live=live)
        except AudioError as error:
            fault = str(error)
            say.print(f"sered: {fault}", soft_wrap=True)
        for note in notes:
            say.print(f"note: {shown(path)}: {note}", soft_wrap=True)
        if sides is None and calls and calls[0].sides not in noted:
            noted.add(calls[0].sides)
            say.print(_assumed(calls[0].sides), soft_wrap=True)
        yield _Result(path, calls, fault, tuple(notes))


def judge_file(
    path: Path,
    sides: str | None,
    settings: Settings,
    judges: Judges,
    progress: Progress = lambda _name, _share: None,
    notes: list[str] | None = None,
    *,
    live: bool = False,
) -> list[Judged]:
    """The calls in one recording, in order; raises AudioError for a file that cannot be read.

    `notes` is added to: what a user should know of the file. `live`: with the running score.
    """
    from sered.box.build import make_line
    from sered.contract.messages import CallReport, Live
    from sered.records import RATE_HZ, EndReason

    line_settings, recording = open_recording(path, sides, settings.line[0])
    if notes is not None:
        notes += recording.notes
    clock = clock_of(recording, settings, line_settings)
    line = make_line(settings, line_settings, judges, clock, live=live)
    name = shown(path.name)
    out: list[Judged] = []
    running: list[Live] = []

    def take(messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Live):
                running.append(message)
            elif isinstance(message, CallReport):
                at_s = (message.started_at - clock.wall(0.0)).total_seconds()
                out.append(Judged(path, at_s, line_settings.sides, message, tuple(running)))
                running.clear()

    for frame in recording.frames():
        take(line.feed(frame))
        progress(name, frame.start / RATE_HZ / max(recording.duration_s, 1e-3))
    take(line.finish(EndReason.END_OF_RECORDING))
    progress(name, 1.0)
    return out


def open_recording(
    path: Path, sides: str | None, line: LineSettings
) -> tuple[LineSettings, Recording]:
    """The file, and the line with its sides; unless given they follow from its channels."""
    from sered.settings import parse_sides
    from sered.tap.recording import Recording, check_readable
    from sered.tap.survey import survey

    check_readable(path)
    known = survey(path)
    if sides is None:
        sides = _MONO if known.stream.channels == 1 else _PAIR
    return line.model_copy(update={"sides": sides}), Recording(path, parse_sides(sides), known)


def clock_of(recording: Recording, settings: Settings, line: LineSettings) -> RecordingClock:
    """The clock of a recording that this box judges on this line."""
    from sered.tap.clock import RecordingClock, recording_began

    return RecordingClock(
        recording_began(recording.path, recording.duration_s),
        recording.survey.digest,
        settings.site,
        settings.device,
        line.name,
        settings.mode,
        line.sides,
    )


def check_sides(sides: str) -> None:
    """Raise ConfigError unless `sides` says who is on which channel."""
    from sered.settings import parse_sides

    try:
        parse_sides(sides)
    except ValueError as error:
        msg = f"--sides {sides}: {error}."
        raise ConfigError(msg) from None


def _assumed(sides: str) -> str:
    if sides == _PAIR:
        return f"note: took {_PAIR}; say it otherwise with --sides."
    return (
        "note: took the one channel for the customer's; a recording of both people is "
        "--sides mixed=mono."
    )


def _print_json(results: list[_Result]) -> None:
    options.print_json(
        [
            {
                "file": shown(result.path),
                "error": result.fault,
                "notes": list(result.notes),
                "passed_over": result.passed_over,
                "calls": [
                    call.report.model_dump(mode="json", by_alias=True) for call in result.calls
                ],
            }
            for result in results
        ]
    )


def _show(result: _Result, *, explain: bool) -> None:
    from sered.cli.tables import show_call
    from sered.contract.explain import explain as why

    console = options.console()
    if not result.calls and result.fault is None and result.passed_over is None:
        console.print(f"{shown(result.path)}: no call in it: nobody speaks.", soft_wrap=True)
    for call in result.calls:
        show_call(console, call.report, shown(result.path.name), call.at_s)
        for sentence in why(call.report, call.at_s) if explain else ():
            console.print(f"  {sentence}")
        console.print()


def _draw(calls: list[Judged], out: Path, settings: Settings) -> None:
    from sered.cli.plot import Picture, draw, loudness
    from sered.settings import parse_sides
    from sered.tap.recording import Recording

    if not calls:
        msg = f"{out}: not drawn, there is no call."
        raise SeredError(msg)
    for number, call in enumerate(calls, 1):
        target = out if len(calls) == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        levels = loudness(Recording(call.path, parse_sides(call.sides)).frames())
        threshold = settings.verdict.escalate_below
        draw(Picture(call.report, call.running, levels, call.at_s, threshold), target)
        typer.echo(f"Picture: {target}", err=True)
