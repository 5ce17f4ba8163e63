"""The archive's bench tells what it is for: rows that lack, bytes that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import soundfile

from bench.bench_archive import KINDS, TABLES, faults, make

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_its_recordings_are_of_every_kind_and_always_the_same(tmp_path: Path) -> None:
    """One file of each kind, no two alike; made anew, each has the same sound."""
    for name in ("one", "two"):
        make(tmp_path / name, len(KINDS))
    made = [sorted((tmp_path / name).iterdir()) for name in ("one", "two")]
    first, again = ([path.read_bytes() for path in paths] for paths in made)
    for here, there, one, two in zip(*made, first, again, strict=True):
        # Ogg has a serial number that its library draws, floats in WAV the time of writing
        if one != two:
            assert (soundfile.read(here)[0] == soundfile.read(there)[0]).all()
    assert len(set(first)) == len(KINDS)


def test_a_row_that_lacks_and_a_byte_that_differs_are_told(tmp_path: Path) -> None:
    """Equal tables with every file pass; each fault is a sentence."""
    source, clean, broken = (tmp_path / name for name in ("calls", "clean", "broken"))
    for folder in (source, clean, broken):
        folder.mkdir()
    for name in ("a.wav", "b.wav"):
        (source / name).write_bytes(b"")
    rows = f"file\n{source / 'a.wav'}\n{source / 'b.wav'}\n"
    for folder in (clean, broken):
        for name in TABLES:
            (folder / name).write_text(rows)
    assert faults(source, clean, broken) == []
    (broken / "calls.jsonl").write_text(rows + " ")
    assert faults(source, clean, broken) == [
        "calls.jsonl of the killed run differs from the clean one's"
    ]
    (source / "c.wav").write_bytes(b"")
    assert "3 files, rows for 2" in faults(source, clean, broken)
