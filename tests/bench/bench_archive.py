"""An archive judged in one clean run and in one that is killed ten times: `make bench-archive`.

Synthetic recordings of every kind of file, broken ones among them. Ends with 1 unless every file
has its row and both runs are equal to the byte. Prints what an hour of sound costs, by part.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr

from archive_stage import table
from bench.parts import plain, profile
from sered.cli.demo import CALL

KILLS, RESUMES = 10, 2
SECONDS = 12
TABLES = ("calls.csv", "calls.jsonl")
KINDS = (
    ("wav", "PCM_16", 16000), ("flac", "PCM_16", 16000), ("mp3", "MPEG_LAYER_III", 16000),
    ("ogg", "VORBIS", 16000), ("wav", "ULAW", 8000), ("wav", "ALAW", 8000),
    ("wav", "PCM_24", 44100), ("wav", "FLOAT", 48000), ("aiff", "PCM_16", 22050),
    ("mono.wav", "PCM_16", 8000), ("silent.wav", "PCM_16", 8000), ("noise.wav", "PCM_16", 16000),
    ("cut.flac", "PCM_16", 16000), ("text.wav", "", 0), ("empty.wav", "", 0),
)  # fmt: skip
"""Suffix, coding and rate; the last three cannot be judged, or only in part."""
MEASURED = 30
"""Files of which the cost is taken, one of each kind and one more."""


def make(folder: Path, count: int) -> None:
    """So many recordings, no two the same, kinds in turns; the same every time."""
    folder.mkdir()
    sound, rate = soundfile.read(CALL, dtype="float32", always_2d=True)
    random = np.random.default_rng(26)
    for number in range(count):
        suffix, coding, wanted = KINDS[number % len(KINDS)]
        path = folder / f"call-{number:06d}.{suffix}"
        begin = int(random.integers(0, len(sound) - SECONDS * rate))
        piece = sound[begin : begin + SECONDS * rate] * np.float32(random.uniform(0.3, 0.9))
        if suffix == "mono.wav":
            piece = piece[:, 1:]
        elif suffix == "silent.wav":
            piece = np.zeros_like(piece)
            # one step somewhere: two silences would be one recording
            piece[int(random.integers(len(piece)))] = 0.001
        elif suffix == "noise.wav":
            piece = random.normal(0.0, 0.02, piece.shape).astype(np.float32)
        if not wanted:
            text = f"no sound at all, only words {number} " * 40
            path.write_text(text if suffix == "text.wav" else "")
            continue
        soundfile.write(path, soxr.resample(piece, rate, wanted), wanted, subtype=coding)
        if suffix == "cut.flac":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def kept(out: Path) -> int:
    """How many results a folder holds."""
    return sum(1 for _ in (out / "results").glob("*/*.json"))


def started(source: Path, out: Path, more: list[str]) -> subprocess.Popen[bytes]:
    """`sered analyze`, in a process group of its own."""
    command = [
        sys.executable, "-m", "sered", "analyze", str(source), "--out", str(out), "--resume", *more,
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def finish(source: Path, out: Path, more: list[str]) -> None:
    """A run to its end; broken files make its status 1."""
    status = started(source, out, more).wait()
    if status not in {0, 1}:
        raise SystemExit(f"sered analyze ended with {status}")


def kill_in_the_middle(source: Path, out: Path, more: list[str], step: int) -> bool:
    """Begin or go on, and kill all of it once it got a step further; False: it was done before."""
    goal = kept(out) + step
    run = started(source, out, more)
    while run.poll() is None and kept(out) < goal:
        time.sleep(0.02)
    alive = run.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return alive


def costs(source: Path) -> None:
    """Print CPU seconds an hour of sound by part, in one process with one thread."""
    files = sorted(source.iterdir())[:MEASURED]
    for mode in ("audio", "both"):
        spent, hours = profile(files, mode)
        bare = plain(files, mode) / hours
        print(f"mode {mode}: {bare:.1f} CPU s an hour of sound; by part, the meter's own included:")
        for name, seconds in sorted(spent.items(), key=lambda part: -part[1]):
            print(f"  {name:45} {seconds / hours:7.1f}")


def faults(source: Path, clean: Path, broken: Path) -> list[str]:
    """What is not as it must be, a sentence each."""
    found = [
        f"{name} of the killed run differs from the clean one's"
        for name in TABLES
        if (clean / name).read_bytes() != (broken / name).read_bytes()
    ]
    rows = {row["file"] for row in table(clean / "calls.csv")}
    files = {str(path) for path in source.iterdir()}
    if rows != files:
        found.append(f"{len(files)} files, rows for {len(rows & files)}")
    return found


def main() -> None:
    """Make, judge, kill, resume, compare, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--mode", choices=("audio", "text", "both"), default="both")
    parser.add_argument("--no-costs", action="store_true", help="only the kills")
    args = parser.parse_args()
    more = ["--mode", args.mode]
    with tempfile.TemporaryDirectory() as place:
        source, clean, broken = (Path(place) / name for name in ("calls", "clean", "broken"))
        make(source, args.files)
        finish(source, clean, more)
        step = max(1, kept(clean) // (KILLS + 2))
        hit = sum(kill_in_the_middle(source, broken, more, step) for _ in range(KILLS))
        print(f"{args.files} files, {kept(clean)} results; {hit} of {KILLS} kills hit a run")
        wrong = [] if hit == KILLS else ["a run ended before its kill: take more --files"]
        for number in range(1, RESUMES + 1):
            finish(source, broken, more)
            found = faults(source, clean, broken)
            print(f"resumed {number}: {'; '.join(found) or 'equal to the clean run, to the byte'}")
            wrong += found
        if not args.no_costs:
            costs(source)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
