"""Reads the chunks of WAV, AIFF, AU, CAF and W64 and puts right a size that a writer left. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.tap.rope import ByteSpan, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap
    from typing import Literal

    _Order = Literal["big", "little"]

MPEG_TAGS = frozenset({0x50, 0x55})
CODECS = {
    0x0001: "PCM", 0x0002: "Microsoft ADPCM", 0x0003: "floats", 0x0006: "A-law", 0x0007: "mu-law",
    0x0011: "IMA ADPCM", 0x0017: "Dialogic ADPCM", 0x0020: "Yamaha ADPCM",
    0x0014: "G.723", 0x0016: "G.721", 0x0022: "TrueSpeech", 0x0031: "GSM 6.10", 0x0040: "G.721",
    0x0042: "G.723.1", 0x0045: "G.726", 0x0050: "MPEG layer II", 0x0055: "MP3", 0x0057: "AMR-NB",
    0x0058: "AMR-WB", 0x0064: "G.726", 0x0065: "G.722", 0x0083: "G.729", 0x0085: "G.729",
    0x00FF: "AAC", 0x0111: "G.723.1", 0x0125: "Sipro ACELP", 0x0133: "G.729", 0x0135: "G.726",
    0x0140: "G.726", 0x0160: "WMA", 0x0161: "WMA", 0x0162: "WMA Pro", 0x028F: "G.722",
    0x1600: "AAC", 0x2222: "G.729", 0x674F: "Ogg Vorbis", 0x704F: "Opus", 0xA109: "Speex",
    0xF1AC: "FLAC",
}  # fmt: skip
"""By the tag in a WAV's `fmt ` chunk."""
_ENDLESS = 0x7FFF_0000
"""A size from here on was left by a writer that could not seek back."""
_MOST = 0xFFFF_FFF0
_NO_SIZE = 1 << 62
"""The same in 64 bits."""
_MARKS = (b"RIFF", b"RIFX", b"RF64")
_CAF_CHUNKS = (b"pakt", b"info", b"free", b"strg", b"mark", b"regn", b"umid", b"ovvw", b"peak",
               b"edct", b"midi", b"inst", b"uuid", b"chan", b"kuki", b"desc", b"caff")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunked:
    """A file of chunks, or one of several that were joined."""

    data: ByteSpan
    """The sound, as far as it goes."""
    declared: int
    """Bytes of sound by the header."""
    pieces: tuple[Piece, ...]
    """The file with sizes that are true; empty when they were."""
    codec: int | None
    """The WAV's tag; None for other kinds."""
    bytes_a_second: int
    """0 where the header does not tell."""
    cut: bool
    """Whether the header promises more sound than there is."""
    end: int
    """Where the file ends, or the next one that was joined begins."""

    @property
    def stale(self) -> bool:
        """Whether there is more sound than the header says."""
        return bool(self.pieces)


def wav(file: mmap | bytes, at: int) -> Chunked | None:
    """The WAV that begins at a place; None for one without sound, or that none can read."""
    big = file[at : at + 4] == b"RIFX"
    order: _Order = "big" if big else "little"
    codec, rate, large, ds64 = 0, 0, None, 0
    for name, start, size in _chunks(file, at + 12, order):
        if name == b"ds64":
            large, ds64 = int.from_bytes(file[start + 8 : start + 16], order), start - 8
        elif name == b"fmt ":
            codec = int.from_bytes(file[start : start + 2], order)
            rate = int.from_bytes(file[start + 8 : start + 12], order)
            if codec == 0xFFFE and size >= 26:
                codec = int.from_bytes(file[start + 24 : start + 26], order)
        elif name == b"data":
            declared = size if large is None or size != 0xFFFF_FFFF else min(large, _NO_SIZE)
            end, stale = _end(file, start, declared, order)
            length = min(end - start, len(file) - start)
            spans = [ByteSpan(start, length)]
            spans += [] if stale else _more_data(file, end + declared % 2, order)
            pieces: tuple[Piece, ...] = ()
            if stale or len(spans) > 1 or (large or 0) >= _NO_SIZE:
                total = sum(span.length for span in spans)
                head = _sized(file[at:start], {4: start - at - 8 + total, -4: total}, order)
                pieces = (_plain(head, ds64 - at if ds64 else 0), *spans)
            short = len(file) - start < declared < (_NO_SIZE if large is not None else _ENDLESS)
            return Chunked(
                ByteSpan(start, length), declared, pieces, codec, rate, short, _joined(file, end)
            )
    return None


def _more_data(file: mmap | bytes, at: int, order: _Order) -> list[ByteSpan]:
    """Sound that a writer put into further chunks of the same WAV."""
    found = []
    for name, start, size in _chunks(file, at, order):
        if name in _MARKS:
            break
        if name == b"data":
            found.append(ByteSpan(start, min(size, len(file) - start)))
    return found


def _plain(head: bytes, ds64: int) -> bytes:
    """A header whose own sizes count: what an RF64 tells besides is overlaid."""
    if head[:4] != b"RF64":
        return head
    head = b"RIFF" + head[4:]
    return head[:ds64] + b"JUNK" + head[ds64 + 4 :] if ds64 else head


def caf(file: mmap | bytes) -> Chunked | None:
    """The CAF at the file's beginning; None for one without sound."""
    at = 8
    while at + 12 <= len(file):
        size = int.from_bytes(file[at + 4 : at + 12], "big", signed=True)
        if file[at : at + 4] == b"data":
            start, rest = at + 12, len(file) - at - 12
            # four bytes of it count edits; what follows a true size is another chunk
            follows = file[start + size : start + size + 4096] if 0 <= size < rest else b""
            stale = any(follows) and follows[:4] not in _CAF_CHUNKS
            head = file[: at + 4] + rest.to_bytes(8, "big")
            pieces: tuple[Piece, ...] = (head, ByteSpan(start, rest)) if stale else ()
            return Chunked(ByteSpan(start, rest), size, pieces, None, 0, size > rest, len(file))
        at += 12 + max(size, 0)
    return None


def w64(file: mmap | bytes) -> Chunked | None:
    """The W64 at the file's beginning: libsndfile reads it to its end whatever its size says."""
    at = 40
    while at + 24 <= len(file):
        size = int.from_bytes(file[at + 16 : at + 24], "little")
        if file[at : at + 4] == b"data":
            rest = len(file) - at
            short = rest < size < _NO_SIZE
            return Chunked(ByteSpan(at + 24, rest - 24), size, (), None, 0, short, len(file))
        at += max(size + -size % 8, 24)
    return None


def aiff(file: mmap | bytes) -> Chunked | None:
    """The AIFF at the file's beginning; None for one without sound."""
    frames_at = frame_bytes = 0
    for name, start, size in _chunks(file, 12, "big"):
        if name == b"COMM":
            bits = int.from_bytes(file[start + 6 : start + 8])
            frame_bytes = int.from_bytes(file[start : start + 2]) * -(-bits // 8)
            frames_at = start + 2
        elif name == b"SSND" and frame_bytes:
            end, stale = _end(file, start + 8, max(size - 8, 0), "big")
            length = min(end, len(file)) - start - 8
            pieces: tuple[Piece, ...] = ()
            if stale:
                sizes = {4: start + length, frames_at: length // frame_bytes, start - 4: length + 8}
                pieces = (_sized(file[: start + 8], sizes, "big"), ByteSpan(start + 8, length))
            cut = start + size > len(file) and size < _ENDLESS
            return Chunked(ByteSpan(start + 8, length), size - 8, pieces, None, 0, cut, len(file))
    return None


def au(file: mmap | bytes) -> Chunked | None:
    """The AU at the file's beginning; it has one size and nothing behind its sound."""
    order: _Order = "big" if file[:4] == b".snd" else "little"
    start, declared = (int.from_bytes(file[at : at + 4], order) for at in (4, 8))
    length = len(file) - start
    if length <= 0:
        return None
    stale = declared < length and any(file[start + declared : start + declared + 4096])
    pieces: tuple[Piece, ...] = ()
    if stale:
        pieces = (_sized(file[:start], {8: min(length, _MOST)}, order), ByteSpan(start, length))
    cut = length < declared < _ENDLESS
    return Chunked(ByteSpan(start, length), declared, pieces, None, 0, cut, len(file))


def codec_name(tag: int) -> str:
    """`G.726 (0x45)`, as a person may look it up."""
    return f"{CODECS[tag]} (0x{tag:02X})" if tag in CODECS else f"codec 0x{tag:04X}"


def _chunks(file: mmap | bytes, at: int, order: _Order) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and declared size of each chunk."""
    while at + 8 <= len(file):
        size = int.from_bytes(file[at + 4 : at + 8], order)
        yield file[at : at + 4], at + 8, size
        at += 8 + size + size % 2


def _end(file: mmap | bytes, start: int, declared: int, order: _Order) -> tuple[int, bool]:
    """Where sound ends that begins at `start`, and whether the header did not know."""
    rest = start + declared
    if declared >= _ENDLESS or rest >= len(file):
        return max(rest, start), False
    if _sane(file, rest, order) or _sane(file, rest + declared % 2, order):
        return rest, False
    return len(file), True


def _sane(file: mmap | bytes, at: int, order: _Order) -> bool:
    """Whether nothing but padding, chunks or another file of the kind follows from here on."""
    while at + 8 <= len(file):
        name = file[at : at + 4]
        if name in _MARKS:
            return True
        if not any(file[at : at + 4096]):
            at += 4096
            continue
        if not all(0x20 <= byte < 0x7F for byte in name):
            return False
        size = int.from_bytes(file[at + 4 : at + 8], order)
        at += 8 + size + size % 2
    return at <= len(file) + 8


def _joined(file: mmap | bytes, end: int) -> int:
    """Where another WAV begins behind the sound of one; the file's end without one."""
    places = [at for mark in _MARKS if end < len(file) and (at := file.find(mark, end)) >= 0]
    return min((at for at in places if file[at + 8 : at + 12] == b"WAVE"), default=len(file))


def _sized(head: bytes, sizes: dict[int, int], order: _Order) -> bytes:
    """The header with these 32-bit numbers put in their places."""
    out = bytearray(head)
    for place, size in sizes.items():
        at = place % len(out)
        out[at : at + 4] = min(size, _MOST).to_bytes(4, order)
    return bytes(out)
