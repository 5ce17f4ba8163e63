"""Finds the streams chained in an Ogg file and whether its last page is whole. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sered.tap.rope import ByteSpan

if TYPE_CHECKING:
    from mmap import mmap

_HEAD = 27
_BEGINS, _ENDS = 2, 4


@dataclass(slots=True)
class Pages:
    """What was found in an Ogg file."""

    links: list[ByteSpan] = field(default_factory=list)
    """Each stream of the chain, pages that are whole only."""
    cut: bool = False
    """Whether the last page is not all there."""
    ended: bool = False
    """Whether the last page says that it is the last."""
    junk: int = 0
    """Bytes between pages."""
    missing: int = 0
    """Pages that were numbered and are not there."""


def find(data: mmap | bytes) -> Pages:
    """Walk the pages of an Ogg file from its first one."""
    found = Pages()
    at = max(data.find(b"OggS"), 0)
    link_from, headers, numbers = at, True, dict[bytes, int]()
    while at < len(data):
        if data[at : at + 4] != b"OggS":
            again = data.find(b"OggS", at)
            found.junk += (again if again >= 0 else len(data)) - at
            if again < 0:
                break
            at = again
        end = _end(data, at)
        if end is None:
            found.cut = True
            break
        flags, serial = data[at + 5], data[at + 14 : at + 18]
        number = int.from_bytes(data[at + 18 : at + 22], "little")
        if flags & _BEGINS and not headers:
            found.links.append(ByteSpan(link_from, at - link_from))
            link_from, numbers = at, {}
        headers = bool(flags & _BEGINS)
        found.missing += max(number - numbers.get(serial, number - 1) - 1, 0)
        numbers[serial] = number
        found.ended = bool(flags & _ENDS)
        at = end
    found.links.append(ByteSpan(link_from, min(at, len(data)) - link_from))
    return found


def _end(data: mmap | bytes, at: int) -> int | None:
    """Where the page that begins here ends; None when that is behind the file's end."""
    if at + _HEAD > len(data):
        return None
    count = data[at + 26]
    table = data[at + _HEAD : at + _HEAD + count]
    end = at + _HEAD + count + sum(table)
    return end if len(table) == count and end <= len(data) else None
