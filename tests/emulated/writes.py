"""What a machine wrote to its disk, in order, and what a cut of the power would have left of it.

QEMU's filter `blklogwrites` keeps the log, in the form of Linux's dm-log-writes: a superblock, then
an entry a write, each followed by its data.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

SECTOR = 512
_MAGIC = 0x6A736677736872
_HEAD = struct.Struct("<QQQL")
_ENTRY = struct.Struct("<QQQQ")
_FLUSH, _FUA, _DISCARD = 1, 2, 4
_STOOD = 0.5
"""How likely a write that no flush had followed reached the disk all the same."""


@dataclass(frozen=True, slots=True)
class Write:
    """One entry: `at` and `size` in bytes; `data_at` is where its data lies in the log."""

    at: int
    size: int
    flags: int
    data_at: int


def count(log: Path) -> int:
    """How many entries the log has by now."""
    with log.open("rb") as file:
        head = file.read(_HEAD.size)
    if not head:
        return 0
    magic, version, entries, sector = _HEAD.unpack(head)
    if (magic, version, sector) != (_MAGIC, 1, SECTOR):
        msg = f"{log} is no log of writes in sectors of {SECTOR} bytes: {magic:#x}, {version}"
        raise ValueError(msg)
    return int(entries)


def read(log: Path, entries: int) -> Iterator[Write]:
    """The first `entries` of a log."""
    with log.open("rb") as file:
        place = SECTOR
        for _ in range(entries):
            file.seek(place)
            at, sectors, flags, _ = _ENTRY.unpack(file.read(_ENTRY.size))
            size = sectors * SECTOR
            yield Write(at * SECTOR, size, flags, place + SECTOR)
            place += SECTOR + (0 if flags & _DISCARD else size)


def cut(log: Path, entries: int, disk: Path, chance: random.Random) -> tuple[int, int]:
    """Bring a copy of the disk to where a cut after `entries` leaves it; writes kept and lost.

    Everything up to the last flush is there; of what came later each write is there or not, by a
    coin, as a disk's own cache may write in any order.
    """
    done = list(read(log, entries))
    flushes = (number for number, each in enumerate(done) if each.flags & _FLUSH)
    safe = max(flushes, default=0)
    lost = 0
    with log.open("rb") as source, disk.open("r+b") as target:
        for number, each in enumerate(done):
            if not each.size or each.flags & _DISCARD:
                continue
            sure = number <= safe or each.flags & _FUA
            if not sure and chance.random() >= _STOOD:
                lost += 1
                continue
            source.seek(each.data_at)
            target.seek(each.at)
            target.write(source.read(each.size))
    return entries - lost, lost
