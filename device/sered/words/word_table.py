"""Whether a Vosk model's table of words is whole: Kaldi itself reads half of one without a word."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = 2125659606
_ARC = np.dtype([("in", "<i4"), ("out", "<i4"), ("weight", "<f4"), ("to", "<i4")])
_TABLES = 3
"""Flags of a graph that carries tables of words itself."""
_MOST_WALKED = 100_000_000
"""Bytes of a graph that is walked state by state; a larger one is stored in one piece."""


def check_words(folder: Path) -> None:
    """Raise ModelError where words are missing that the graph can hear.

    A model without a table has its words inside the graph, whose reader sees a cut by itself.
    """
    graph = folder / "graph" if (folder / "graph").is_dir() else folder
    table = graph / "words.txt"
    if not table.is_file():
        return
    known = _count(table)
    wanted = _highest(graph / "HCLG.fst") + 1
    if known < wanted:
        msg = (
            f"wanted the {wanted} words of the model's graph in {table}; found {known}: the file "
            "is cut off. Fetch the model again with `sered models fetch`"
        )
        raise ModelError(msg)


def _count(table: Path) -> int:
    """Words with the numbers 0, 1, 2 and so on; what comes after a hole cannot be trusted."""
    known = 0
    for line in table.read_bytes().split(b"\n"):
        parts = line.split()
        if len(parts) != 2 or parts[1] != str(known).encode():
            break
        known += 1
    return known


def _highest(graph: Path) -> int:
    """The highest number of a word that a graph of OpenFst's can give out; -1: cannot be told."""
    try:
        size = graph.stat().st_size
        with graph.open("rb") as file:
            head = file.read(256)
    except OSError:
        return -1
    try:
        kind, at = _text(head, 4)
        arc, at = _text(head, at)
        flags, arcs, at = _numbers(head, at)
    except (struct.error, ValueError):
        return -1
    if struct.unpack_from("<i", head)[0] != _MAGIC or arc != b"standard":
        return -1
    if kind == b"const" and 0 < arcs * _ARC.itemsize < size:
        # its arcs are the last that is in it
        found = np.memmap(graph, _ARC, "r", size - arcs * _ARC.itemsize, (arcs,))
        return int(found["out"].max())
    if kind == b"vector" and not flags & _TABLES and size <= _MOST_WALKED:
        return _of_vector(graph.read_bytes(), at)
    return -1


def _text(head: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<i", head, at)
    if not 0 < length < 64:
        msg = "no name"
        raise ValueError(msg)
    return head[at + 4 : at + 4 + length], at + 4 + length


def _numbers(head: bytes, at: int) -> tuple[int, int, int]:
    """Flags, arcs, and where the header ends."""
    form = "<iiQqqq"
    _version, flags, _properties, _start, _states, arcs = struct.unpack_from(form, head, at)
    return flags, arcs, at + struct.calcsize(form)


def _of_vector(raw: bytes, at: int) -> int:
    """The same of a graph whose arcs lie with their states: 4 bytes, 8 for their number, arcs."""
    count = struct.Struct("<q").unpack_from
    places: list[int] = []
    while at + 12 <= len(raw):
        (arcs,) = count(raw, at + 4)
        at += 12
        end = at + arcs * _ARC.itemsize
        if arcs < 0 or end > len(raw):
            return -1
        places.extend(range(at + 4, end, _ARC.itemsize))
        at = end
    if not places:
        return -1
    # all lie alike between the bytes that numpy would begin at
    shift = places[0] % 4
    words = np.frombuffer(raw, "<i4", (len(raw) - shift) // 4, shift)
    return int(words[(np.asarray(places) - shift) // 4].max())
