"""`sered analyze`: recordings in, verdicts out, through the very line that live sound takes."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sered.cli import options
from sered.errors import ConfigError, SeredError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sered.archive.folder import ResultFolder
    from sered.archive.outputs import Sink
    from sered.archive.task import Task
    from sered.cli.judging import Judging
    from sered.cli.recordings import Recordings
    from sered.settings import Settings

_STDOUT = Path("-")
_Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE|DIR...", help="Recordings, or folders of them."),
]
_Manifest = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="A table of recordings in place of FILE: path, and started_at, line, sides, "
        "external_id where they are known.",
    ),
]
_Sides = Annotated[
    str | None,
    typer.Option(
        help="Who is on which channel: customer=right,agent=left; or mixed=mono. Without it "
        "a pair is agent=left,customer=right and a single channel is the customer's."
    ),
]
_TimeFrom = Annotated[
    str | None,
    typer.Option(metavar="PATTERN", help="How names tell when a call began: 'rec-%Y%m%d-%H%M%S'."),
]
_Plot = Annotated[
    Path | None,
    typer.Option(metavar="OUT.png", help="Draw each call; several are named after their files."),
]
_Csv = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A row a call, as they come; - for stdout.")
]
_Jsonl = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A line a recording, as they come.")
]
_Parquet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The rows typed; needs sered[parquet].")
]
_Html = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A report to look at, in one file.")
]
_Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Keep every result here at once, and calls.csv at the end."),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on with what --out holds.")]
_Jobs = Annotated[
    int | None, typer.Option(min=1, max=512, help="Recordings judged at once; the cores.")
]
_Shard = Annotated[
    str | None, typer.Option(metavar="i/n", help="Only this part of the recordings.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(analyze)


def analyze(
    files: _Files = None,
    mode: options.Mode = None,
    sides: _Sides = None,
    manifest: _Manifest = None,
    time_from: _TimeFrom = None,
    plot: _Plot = None,
    explain: Annotated[bool, typer.Option("--explain", help="How the score came about.")] = False,
    long: Annotated[bool, typer.Option("--long", help="Every call in full.")] = False,
    csv: _Csv = None,
    jsonl: _Jsonl = None,
    parquet: _Parquet = None,
    html: _Html = None,
    out: _Out = None,
    resume: _Resume = False,
    jobs: _Jobs = None,
    shard: _Shard = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Judge recorded calls.

    WAV, FLAC, OGG, MP3 and what exchanges write; with ffmpeg installed also what phones write.
    Any rate from 8 kHz, any channels; folders are searched, and what is passed over is named.
    A broken file is named with its reason, the rest go on, and the exit status is 1.

    Examples: sered analyze call.wav --plot call.png; sered analyze calls/ --csv calls.csv;
    sered analyze --manifest calls.csv --out results --resume
    """
    from sered.archive.outputs import sinks
    from sered.archive.task import Result
    from sered.cli.call_rows import Shown
    from sered.cli.judging import Judging

    settings = options.settings(config, {"mode": mode})
    if plot is not None:
        _check_drawable()
    tasks, found = _tasks(files or [], manifest, sides, time_from, shard)
    judging = Judging(settings, jobs, running=plot is not None)
    wanted = {"csv": csv, "jsonl": jsonl, "parquet": parquet, "json": _STDOUT if as_json else None}
    with _told(name for name in (csv, jsonl, parquet, html, out) if name), ExitStack() as stack:
        folder = _folder(out, judging, resume, shard, stack)
        if folder is not None and shard is None:
            # a part of the recordings makes no table: whoever has all of them does, at the end
            wanted["csv"] = wanted["csv"] or folder.path / "calls.csv"
            wanted["jsonl"] = wanted["jsonl"] or folder.path / "calls.jsonl"
        outputs = sinks(stack, wanted, _extra(html, plot, settings))
        for output in outputs:
            stack.enter_context(closing(output))
        whole = long or explain or len(tasks) == 1
        shown = Shown(len(tasks), whole=whole, explain=explain, quiet=_STDOUT in wanted.values())
        judging.work(tasks, folder, [*outputs, shown])
        for path, why in found.passed_over:
            for output in outputs:
                output.take(Result(path, passed_over=why))
    if said := found.sentence():
        options.console(err=True).print(f"note: {said}", soft_wrap=True)
    shown.close()
    if shown.faults or judging.stopped:
        raise typer.Exit(1)


def _tasks(
    files: list[Path],
    manifest: Path | None,
    sides: str | None,
    time_from: str | None,
    part: str | None,
) -> tuple[list[Task], Recordings]:
    """What is to be judged; every fault of the wish is named before the work begins."""
    from dataclasses import replace

    from sered.archive.judge import check_sides
    from sered.archive.manifest import read_manifest
    from sered.archive.run import shard
    from sered.archive.task import Task
    from sered.archive.times import NamedTime
    from sered.cli.recordings import Recordings, find

    if sides is not None:
        check_sides(sides)
    if bool(files) == (manifest is not None):
        msg = "Name recordings or folders, or a --manifest of them: one of the two."
        raise ConfigError(msg)
    named = NamedTime(time_from) if time_from else None
    found = Recordings()
    if manifest is not None:
        tasks = read_manifest(manifest)
    else:
        found = find(files)
        tasks = [Task(name) for name in found.files]
    if sides is not None:
        tasks = [replace(task, sides=task.sides or sides) for task in tasks]
    if named is not None:
        tasks = [
            replace(task, started_at=task.started_at or named.began(task.path.name))
            for task in tasks
        ]
        if lost := [task for task in tasks if task.started_at is None]:
            msg = (
                f"--time-from: {len(lost)} of {len(tasks)} names are of another form, such as "
                f"{shown(lost[0].path.name)}. Mend the pattern, or give a --manifest."
            )
            raise ConfigError(msg)
    return (shard(tasks, part) if part else tasks), found


def _folder(
    out: Path | None, judging: Judging, resume: bool, part: str | None, stack: ExitStack
) -> ResultFolder | None:
    if out is None:
        if resume:
            msg = "--resume goes on with what --out DIR holds: name the folder."
            raise ConfigError(msg)
        return None
    from sered.archive.folder import ResultFolder

    mark = f"-{part.replace('/', '-of-')}" if part else ""
    # parts of one run share a folder: who comes second finds it made
    folder = ResultFolder(
        out, judging.settings, judging.judges.versions, resume=resume or bool(part), part=mark
    )
    stack.callback(folder.close)
    return folder


@contextmanager
def _told(outputs: Iterable[Path]) -> Iterator[None]:
    """What cannot be written any more is said in a sentence, where there was none."""
    try:
        yield
    except BrokenPipeError:
        # whoever read stdout has seen enough
        raise
    except OSError as error:
        named = ", ".join(shown(path) for path in outputs) or "the output"
        msg = (
            f"{named}: cannot be written any more ({error.strerror}). Make room, or choose another "
            "place. What --out holds is kept: go on with --resume."
        )
        raise SeredError(msg) from None


def _check_drawable() -> None:
    """Raise SeredError before an hour of judging, not after it."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        msg = "--plot needs matplotlib: pip install 'sered[plot]'"
        raise SeredError(msg)


def _extra(html: Path | None, plot: Path | None, settings: Settings) -> list[Sink]:
    extra: list[Sink] = []
    if html is not None:
        from sered.archive.html import Html

        extra.append(Html(html))
    if plot is not None:
        from sered.cli.drawing import Pictures

        extra.append(Pictures(plot, settings))
    return extra
