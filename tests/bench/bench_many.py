"""The bookkeeping of a large archive, sound left out: `make bench-many`.

Short recordings by hard links, whose results are there already: what is measured is looking for
them, reading them and writing tables of them, at a tenth of the number and at the whole. Ends with
1 unless memory grows by the names alone and time in step, and Ctrl-C and parts lose nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import soundfile

from archive_stage import table
from sered.archive.folder import ResultFolder, keep, key_of
from sered.archive.judge import judge
from sered.archive.task import Task
from sered.box.build import load_judges
from sered.cli.demo import CALL
from sered.settings import Settings

BEGAN = datetime(2026, 3, 1, 8, 0, 0)
LINKS = 30_000
"""Names of one file; more than twice as many no disk takes."""
SECONDS = (28, 40)
"""Of the demo call: one call with a verdict."""
TABLES = ("calls.csv", "calls.jsonl")
MORE_KB, MORE_TIME = 0.7, 1.35
"""Memory of each recording more: its name, twice while the list is sorted; and, for ten times the
recordings, the time of each."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run over all of it."""

    seconds: float
    """Of a processor: what else runs beside it counts little."""
    megabytes: float
    """Of its largest process."""


def make(folder: Path, count: int) -> list[Path]:
    """So many names of a few recordings, each of another second."""
    folder.mkdir(parents=True)
    sound, rate = soundfile.read(CALL, dtype="float32")
    paths = []
    for number in range(count):
        source = folder.parent / f"{folder.name}-{number // LINKS}.wav"
        if not number % LINKS:
            soundfile.write(source, sound[SECONDS[0] * rate : SECONDS[1] * rate], rate, "ULAW")
        path = folder / f"call-{BEGAN + timedelta(seconds=number):%Y%m%d-%H%M%S}.wav"
        os.link(source, path)
        paths.append(path)
    return paths


def fill(out: Path, paths: list[Path]) -> None:
    """Results of all of them, made from one: as if a run had ended before it wrote its tables."""
    settings = Settings.model_validate({"mode": "audio"})
    judges = load_judges(settings)
    result = judge(Task(str(paths[0])), settings, judges)
    if len(result.calls) != 1:
        raise SystemExit(f"wanted one call in the sample, found {len(result.calls)}")
    ResultFolder(out, settings, judges.versions, resume=False).close()
    for path in paths:
        key = key_of(Task(str(path)))
        if key is None:
            raise SystemExit(f"{path} vanished")
        keep(out, key, result)


def started(source: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """`sered analyze` over what is kept."""
    command = ["analyze", str(source), "--mode", "audio", "--out", str(out), "--resume", *more]
    return subprocess.Popen([sys.executable, "-m", "sered", *command], stdout=subprocess.DEVNULL)


def run(source: Path, out: Path, *more: str) -> Ended:
    """One run to its end."""
    process = started(source, out, *more)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"sered analyze ended with {process.returncode}")
    return Ended(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def stopped(source: Path, out: Path, after_lines: int) -> tuple[float, int]:
    """Ctrl-C once its table has so many lines: seconds until it has ended, and lines by then."""
    lines = out / TABLES[1]
    lines.unlink(missing_ok=True)
    process = started(source, out)
    while process.poll() is None and _count(lines) < after_lines:
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    if process.wait() != 1:
        raise SystemExit(f"Ctrl-C ended it with {process.returncode}, not with 1")
    return time.monotonic() - began, _count(lines)


def _count(lines: Path) -> int:
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


def faults(source: Path, out: Path, count: int) -> list[str]:
    """Ctrl-C in the middle, then two parts and all again: the tables must be those of one run."""
    whole = [(out / name).read_bytes() for name in TABLES]
    took_s, lines = stopped(source, out, count // 3)
    print(f"Ctrl-C after {count // 3} lines: ended in {took_s:.1f} s, {lines} lines whole")
    found = [] if count // 3 <= lines < count else ["Ctrl-C came too late: take more --files"]
    for part in ("1/2", "2/2"):
        run(source, out, "--shard", part)
    run(source, out)
    if whole != [(out / name).read_bytes() for name in TABLES]:
        found.append("the tables after Ctrl-C and two parts differ from those of one run")
    if len(table(out / TABLES[0])) != count:
        found.append(f"{count} recordings, {len(table(out / TABLES[0]))} rows")
    return found


def main() -> None:
    """Make, fill, run at a tenth and at the whole, break off, run in parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    count = parser.parse_args().files
    # whom a script starts in the background ignores Ctrl-C, and so would what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        for number in (count // 10, count):
            source, out = Path(place, f"calls-{number}"), Path(place, f"out-{number}")
            fill(out, make(source, number))
            ended.append(run(source, out))
            print(
                f"{number} recordings: {ended[-1].seconds:.1f} CPU s, "
                f"{ended[-1].seconds / number * 1000:.2f} ms each, {ended[-1].megabytes:.0f} MB",
                flush=True,
            )
        few, many = ended
        each_kb = (many.megabytes - few.megabytes) * 1024 / (count - count // 10)
        print(f"each recording more takes {each_kb:.2f} kB")
        if each_kb > MORE_KB:
            wrong.append("memory grows by more than the names")
        if many.seconds / count > few.seconds / (count // 10) * MORE_TIME:
            wrong.append("a recording costs more time the more there are")
        wrong += faults(source, out, count)
    print(
        "; ".join(wrong)
        or "memory grows by the names alone, time in step, nothing lost, nothing twice"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
