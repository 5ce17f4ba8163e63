"""Recordings for the archive's tests: short calls that differ, in a folder."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from sered.cli.demo import CALL

if TYPE_CHECKING:
    from pathlib import Path


def calls(folder: Path, count: int) -> list[Path]:
    """So many recordings of twelve seconds, no two the same, with dates in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    samples, rate = soundfile.read(CALL, dtype="float32")
    made = []
    for number in range(count):
        begin = (28 + number % 9) * rate
        piece = samples[begin : begin + 12 * rate] * np.float32(0.9 - 0.01 * number)
        path = folder / f"call-20260304-10{number // 60:02d}{number % 60:02d}.wav"
        soundfile.write(path, piece, rate)
        made.append(path)
    return made


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
