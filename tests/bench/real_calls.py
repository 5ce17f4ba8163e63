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


def unmoved(path: Path) -> list[str]:
    """What the same call comes to when it is louder, longer by silence, swapped or repeated."""
    sound, rate = soundfile.read(path, dtype="float64")
    pause = np.zeros((round(8.0 * rate), sound.shape[1]))
    half = len(sound) // 2
    variants: dict[str, tuple[Callable[[], Sound], list[str]]] = {
        "as it is, 20 dB down": (lambda: sound * 0.1, []),
        "as it is": (lambda: sound, []),
        "8 s of silence before and after": (lambda: np.concatenate([pause, sound, pause]), []),
        "8 s of silence in the middle": (
            lambda: np.concatenate([sound[:half], pause, sound[half:]]),
            [],
        ),
        "channels swapped, sides swapped": (
            lambda: sound[:, ::-1],
            ["--sides", "customer=left,agent=right"],
        ),
        "once again": (lambda: sound, []),
    }
    lines = [
        "| variant | category | score | voice | words | escalate |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, options) in variants.items():
            file = Path(folder) / "call.wav"
            soundfile.write(file, make(), rate, subtype="PCM_24")
            lines += [f"| {name} | {_cells(call)} |" for call in analyze(file, *options)]
    return lines
