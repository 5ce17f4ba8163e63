"""What a cut of the power leaves of a disk, by the log of its writes."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from emulated import writes
from emulated.moments import Moment, keep, kept

if TYPE_CHECKING:
    from pathlib import Path

_FLUSH, _FUA = 1, 2


def _log(path: Path, entries: list[tuple[int, bytes, int]]) -> None:
    """As QEMU's blklogwrites has it: (sector, data, flags) each."""
    log = struct.pack("<QQQL", 0x6A736677736872, 1, len(entries), 512).ljust(512, b"\0")
    for sector, data, flags in entries:
        log += struct.pack("<QQQQ", sector, len(data) // 512, flags, 0).ljust(512, b"\0") + data
    path.write_bytes(log)


def test_what_was_flushed_stands_and_the_rest_may_be_gone(tmp_path: Path) -> None:
    """Writes before a flush stand whatever the coin says; later ones fall singly, forced ones not.

    What came after the cut is not there at all.
    """
    log, seen = tmp_path / "log", set()
    sound = [bytes([number]) * 512 for number in range(1, 6)]
    order = [(0, sound[0], 0), (0, b"", _FLUSH), (1, sound[1], 0), (2, sound[2], 0)]
    _log(log, [*order, (3, sound[3], _FUA), (4, sound[4], 0)])
    for seed in range(40):
        disk = tmp_path / "disk"
        disk.write_bytes(bytes(5 * 512))
        stood, lost = writes.cut(log, 5, disk, random.Random(seed))
        found = [disk.read_bytes()[at : at + 512] == sound[at // 512] for at in range(0, 2560, 512)]
        assert (found[0], found[3], found[4]) == (True, True, False)
        assert (stood, lost) == (5 - found[1:3].count(False), found[1:3].count(False))
        seen.add((found[1], found[2]))
    assert seen == {(True, True), (True, False), (False, True), (False, False)}


def test_a_log_that_was_not_begun_has_no_writes(tmp_path: Path) -> None:
    """Before a machine wrote anything its log is an empty file."""
    (tmp_path / "log").touch()
    assert writes.count(tmp_path / "log") == 0


def test_a_step_without_its_start_says_what_to_run_first(tmp_path: Path) -> None:
    """No start, one that ended too early and another start's log are told apart in a sentence."""
    log, moment = tmp_path / "writes.log", Moment(3.0, 2, ("call",))

    def refused() -> str:
        with pytest.raises(SystemExit) as ended:
            kept(tmp_path)
        return str(ended.value)

    assert "has no moments.json: the step start makes it" in refused()
    keep(tmp_path, 1883, [])
    (tmp_path / "before.img").touch()
    assert "has no writes.log: the step start makes it" in refused()
    _log(log, [(0, bytes(512), 0)])
    assert "has no moment: the step start ended too early" in refused()
    keep(tmp_path, 1883, [moment])
    assert "has 1 writes, and the start that moments.json is of had made 2" in refused()
    _log(log, [(0, bytes(512), 0), (1, bytes(512), 0)])
    assert kept(tmp_path) == (1883, [moment])
