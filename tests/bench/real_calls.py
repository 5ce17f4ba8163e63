"""The real calls beside the project, and what must not move a verdict, through the whole line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Sound = NDArray[np.float64]


def analyze(path: Path, *options: str) -> list[dict[str, Any]]:
    """Reports of the calls in a recording, by the command a user has."""
    command = [sys.executable, "-m", "sered", "analyze", str(path), "--json", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout)[0]["calls"])


def table(folder: Path) -> list[str]:
    """Each real call, with both analyses."""
    lines = ["| call | category | score | voice | words | escalate |", "|---|---|---|---|---|---|"]
    for path in sorted(folder.glob("*.flac")):
        options = ["--sides", "mixed=mono"] if "mixed" in path.name else []
        if "agent-only" in path.name:
            # nobody else is on it: heard as a customer, to see what a plain voice comes to
            options = ["--sides", "customer=1,agent=none"]
        lines += [f"| {path.stem} | {_cells(call)} |" for call in analyze(path, *options)]
    return lines


def _cells(call: dict[str, Any]) -> str:
    feeling = call["sentiment"]
    if feeling is None:
        return "unanswered | – | – | – | no"
    parts = [call[half]["score"] if call[half] else None for half in ("acoustic", "verbal")]
    cells = [
        feeling["category"] or feeling["undetermined"],
        f"{feeling['score']:+.2f}",
        *("–" if part is None else f"{part:+.2f}" for part in parts),
        "yes" if feeling["escalate"] else "no",
    ]
    return " | ".join(cells)


LOUDER = 10.0
"""20 dB."""
SOFT = 0.08
"""Gain at which LOUDER still clips nothing."""


def variants(path: Path) -> dict[str, tuple[Callable[[], Sound], list[str]]]:
    """The same call louder, longer, swapped or repeated; and what `sered analyze` is told then."""
    sound, rate = soundfile.read(path, dtype="float64")
    return {
        "as it is": (lambda: sound, []),
        "softer, so that 20 dB more clips nothing": (lambda: SOFT * sound, []),
        "20 dB louder than that": (lambda: LOUDER * SOFT * sound, []),
        "twice as long by silence": (lambda: _with_pauses(sound, rate), []),
        "channels swapped, sides swapped": (
            lambda: sound[:, ::-1],
            ["--sides", "customer=left,agent=right"],
        ),
        "twice in one recording": (lambda: np.concatenate([sound, sound]), []),
    }


def loud(path: Path) -> tuple[Sound, float]:
    """The call 20 dB louder than it is, and the share of the customer's samples that clip then."""
    sound = LOUDER * soundfile.read(path, dtype="float64")[0]
    return np.clip(sound, -1.0, 1.0), float(np.mean(np.abs(sound[:, 1]) > 1.0))


def judged(sound: Sound, options: list[str], rate: int = 8000) -> list[dict[str, Any]]:
    """Reports of the calls in a sound."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "call.wav"
        soundfile.write(file, sound, rate, subtype="PCM_24")
        return analyze(file, *options)


def unmoved(path: Path) -> list[str]:
    """What the same call comes to in all its variants."""
    rows = [
        (name, call)
        for name, (make, options) in variants(path).items()
        for call in judged(make(), options)
    ]
    sound, clipped = loud(path)
    name = f"20 dB louder than it is: {clipped:.0%} of the customer's samples clip"
    rows += [(name, call) for call in judged(sound, [])]
    return [
        "| variant | category | score | voice | words | escalate |",
        "|---|---|---|---|---|---|",
        *(f"| {name} | {_cells(call)} |" for name, call in rows),
    ]


def _with_pauses(sound: Sound, rate: int) -> Sound:
    """Twice the length: silence where nobody speaks, no piece of it so long that it ends a call."""
    step = rate // 4
    levels = np.abs(sound[: len(sound) // step * step]).reshape(-1, step, 2).max(axis=(1, 2))
    quarter = len(levels) // 4
    cuts = [
        step
        * (number * quarter + int(np.argmin(levels[number * quarter : (number + 1) * quarter])))
        + step // 2
        for number in range(4)
    ]
    pieces = np.split(sound, cuts)
    pause = np.zeros((len(sound) // len(cuts), 2))
    return np.concatenate([part for piece in pieces for part in (piece, pause)][:-1])
