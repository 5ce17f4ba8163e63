"""Finds the last frame of a FLAC whose writer could not go back to tell its length. Pure."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sered.tap.rope import ByteSpan, Piece

if TYPE_CHECKING:
    from mmap import mmap

MARK = b"fLaC"
_INFO = 8
"""Where the 34 bytes on the stream begin."""
_TAIL = 1 << 18
"""A last frame is no longer than this."""
_BLOCKS = {
    1: 192,
    **{n: 576 << n - 2 for n in range(2, 6)},
    **{n: 256 << n - 8 for n in range(8, 16)},
}
"""Samples of a block by the header's code; 6 and 7 write them out."""
_TRIES = 4
"""Headers looked at from the end: a sound may look like one, rarely."""


def _table(bits: int, polynomial: int) -> list[int]:
    out = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)
        out.append(value & (1 << bits) - 1)
    return out


_TABLE8, _TABLE16 = _table(8, 0x07), _table(16, 0x8005)


def starts(file: mmap | bytes) -> list[int]:
    """Where each of the joined FLACs begins."""
    found, at = [], file.find(MARK)
    while at >= 0:
        if file[at + 5 : at + 8] == b"\0\0\x22" and file[at + 4] & 0x7F == 0:
            found.append(at)
        at = file.find(MARK, at + 4)
    return found


def mended(file: mmap | bytes, start: int, end: int) -> tuple[tuple[Piece, ...], bool]:
    """The FLAC between two places with its length put in, and whether its last frame is cut.

    No pieces where the header knows the length.
    """
    info = file[start + _INFO : start + _INFO + 34]
    if int.from_bytes(info[13:18]) & (1 << 36) - 1:
        return (), False
    smallest, largest = int.from_bytes(info[:2]), int.from_bytes(info[2:4])
    fixed = largest if smallest == largest else 0
    samples, whole = _last(file[max(start + 42, end - _TAIL) : end], fixed)
    if not samples:
        return (), False
    told = (int.from_bytes(info[13:18]) | samples).to_bytes(5)
    head = file[start : start + _INFO + 13]
    rest = start + len(head) + len(told)
    return (head + told, ByteSpan(rest, end - rest)), not whole


def _last(tail: bytes, fixed: int) -> tuple[int, bool]:
    """Samples up to the end of the last whole frame that ends the file, or before a broken one."""
    broken = tried = 0
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        place = _place(tail, at, fixed)
        if place is None:
            continue
        begins, block = place
        if _crc16(tail[at:]) == 0:
            return begins + block, True
        broken = broken or begins
        tried += 1
        if tried == _TRIES:
            break
    return broken, False


def _place(tail: bytes, at: int, fixed: int) -> tuple[int, int] | None:
    """First sample and length of the block whose header stands there; None: no header."""
    head = tail[at : at + 16]
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    code, rate = head[2] >> 4, head[2] & 15
    number, size = _number(head[4:])
    if code == 0 or rate == 15 or size == 0:
        return None
    end = 4 + size
    block = _BLOCKS.get(code, 0)
    if code in (6, 7):
        block = int.from_bytes(head[end : end + code - 5]) + 1
        end += code - 5
    end += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if end >= len(head) or _crc8(head[:end]) != head[end]:
        return None
    return (number if head[1] & 1 else number * (fixed or block)), block


def _number(coded: bytes) -> tuple[int, int]:
    """A number in the manner of UTF-8, and its bytes; 0 bytes for none."""
    lead = coded[0]
    if lead < 0x80:
        return lead, 1
    size = 8 - (lead ^ 0xFF).bit_length()
    if not 2 <= size <= min(len(coded), 7):
        return 0, 0
    number = lead & (0x7F >> size)
    for byte in coded[1:size]:
        if byte >> 6 != 2:
            return 0, 0
        number = number << 6 | byte & 0x3F
    return number, size


def _crc8(data: bytes) -> int:
    return reduce(lambda value, byte: _TABLE8[value ^ byte], data, 0)


def _crc16(data: bytes) -> int:
    return reduce(lambda value, byte: _TABLE16[value >> 8 ^ byte] ^ value << 8 & 0xFFFF, data, 0)
