"""Power cuts, exactly: the box's own writes and syncs, recorded, cut at random and replayed.

What a sync had not confirmed may be on the medium or not, sector by sector; what it had confirmed
is. Each image so made is opened as a spool, and every verdict whose put() had returned before the
cut must be in it.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from chaos import box
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

_SECTOR = 512
_CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,close"
Event = tuple[str, str, int, bytes]
"""What was done, to which file, at which offset, with which bytes."""
_EVENT = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += (-?\d+)")


@dataclass
class _Disk:
    """Content of files as the medium surely has it, and the writes it may have."""

    sure: dict[str, bytearray] = field(default_factory=dict)
    maybe: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)

    def write(self, name: str, at: int, data: bytes) -> None:
        for start in range(0, len(data), _SECTOR):
            sector = data[start : start + _SECTOR]
            self.maybe.setdefault(name, []).append((at + start, sector))

    def cut(self, name: str, size: int) -> None:
        # a size of -1 in the list of writes is a truncation
        self.maybe.setdefault(name, []).append((-1 - size, b""))

    def sync(self, name: str) -> None:
        content = self.sure.setdefault(name, bytearray())
        for at, data in self.maybe.pop(name, []):
            _apply(content, at, data)

    def image(self, folder: Path, die: random.Random) -> None:
        """Write what a power cut now might leave."""
        keep = die.random()
        for name in {*self.sure, *self.maybe}:
            content = bytearray(self.sure.get(name, b""))
            for at, data in self.maybe.get(name, []):
                if die.random() < keep:
                    _apply(content, at, data)
            (folder / name).write_bytes(content)


def _apply(content: bytearray, at: int, data: bytes) -> None:
    if at < 0:
        del content[-1 - at :]
        return
    content.extend(bytes(max(at + len(data) - len(content), 0)))
    content[at : at + len(data)] = data


def record(folder: Path, count: int, *more: str) -> list[Event]:
    """Let a box put `count` calls; (what, file, offset, data) of each thing it did to its disk."""
    trace = folder / "trace"
    spool = Path(tempfile.mkdtemp(prefix="box-", dir=folder)) / "spool.db"
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-xx", "-s", "100000", "-e", f"trace={_CALLS}"),
            *("-o", str(trace), sys.executable, "-m", "tests.chaos.box"),
            *(str(spool), "0", "0", str(count), "--pause", "0", *more),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return _parse(trace.read_text(), spool.parent)


def _parse(trace: str, folder: Path) -> list[Event]:
    events: list[Event] = []
    names: dict[str, str] = {"1": "stdout"}
    for row in trace.splitlines():
        found = _EVENT.match(row)
        if not found:
            continue
        call, rest, result = found.groups()
        parts = rest.split(", ")
        if call == "openat":
            path = Path(_text(parts[1]).decode())
            names.pop(result, None)
            if path.parent == folder:
                names[result] = path.name
        elif call == "unlink":
            path = Path(_text(parts[0]).decode())
            if path.parent == folder:
                events.append(("unlink", path.name, 0, b""))
        elif call == "close":
            names.pop(parts[0], None)
        elif parts[0] in names:
            events += _event(call, names[parts[0]], parts)
    return events


def _event(call: str, name: str, parts: list[str]) -> list[Event]:
    if name == "stdout":
        return [("said", "", 0, _text(parts[1]))] if call == "write" else []
    match call:
        case "pwrite64":
            return [("write", name, int(parts[-1]), _text(parts[1]))]
        case "fsync" | "fdatasync":
            return [("sync", name, 0, b"")]
        case "ftruncate":
            return [("cut", name, int(parts[1]), b"")]
        case _:
            msg = f"{call} on {name}: not understood"
            raise ValueError(msg)


def _text(quoted: str) -> bytes:
    return bytes(ast.literal_eval("b" + quoted))


def cut_everywhere(
    events: list[Event], folder: Path, cuts: int, seed: int = 1
) -> tuple[int, int, int]:
    """Over `cuts` power cuts: verdicts whose put() had returned, those missing, calls by half."""
    die = random.Random(seed)
    promised = missing = halves = 0
    images = Path(tempfile.mkdtemp(prefix="images-", dir=folder))
    for number, at in enumerate(sorted(die.randrange(len(events)) for _ in range(cuts))):
        disk = _Disk()
        said: set[str] = set()
        for what, name, offset, data in events[:at]:
            if what == "write":
                disk.write(name, offset, data)
            elif what == "cut":
                disk.cut(name, offset)
            elif what == "sync":
                disk.sync(name)
            elif what == "unlink":
                disk.sure.pop(name, None)
                disk.maybe.pop(name, None)
            else:
                said.update(f"call-{int(n):07d}" for n in data.split())
        image = images / f"cut{number}"
        image.mkdir()
        disk.image(image, die)
        spool = Spool(SpoolSettings(path=image / "spool.db"))
        there = {message.key for message in spool.peek(100_000)}
        spool.close()
        promised += len(said)
        missing += len(said - there)
        calls = {key for key in there if "/" not in key}
        alerts = {key.partition("/")[0] for key in there if "/" in key}
        halves += len({key for key in calls if box.alarms(key)} ^ alerts)
    return promised, missing, halves
