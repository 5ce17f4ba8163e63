"""Finds the frames of an MP3, so that its length comes from them and not from its header. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sered.tap.rope import ByteSpan, Piece

if TYPE_CHECKING:
    from mmap import mmap

_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the header's version bits: MPEG 1, 2 and 2.5."""
_KBPS = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By version (2.5 has 2's) and layer bits (3: layer I, 1: layer III)."""
_SEARCH_BYTES = 1 << 17
"""Frames that do not begin within so much are no MP3's."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the four bytes before a frame say."""

    length: int
    """Bytes of the whole frame."""
    samples: int
    """Of each channel."""
    rate_hz: int
    channels: int
    layer: int
    """The header's bits: 3 for layer I, 1 for layer III."""
    version: int

    @property
    def kind(self) -> tuple[int, int, int]:
        """What all frames of one recording share."""
        return self.rate_hz, self.channels, self.layer


@dataclass(slots=True)
class Frames:
    """What was found between two places of a file."""

    first: Header | None = None
    runs: list[ByteSpan] = field(default_factory=list)
    """Frames that touch one another, without those that hold no sound."""
    count: int = 0
    seconds: float = 0.0
    kinds: set[tuple[int, int, int]] = field(default_factory=set)
    promised: list[int] = field(default_factory=list)
    """Frames by each of the length headers."""
    joins_s: list[float] = field(default_factory=list)
    """Seconds of sound before each length header but the first."""
    junk: int = 0
    """Bytes that are neither frame nor tag."""
    cut: bool = False
    """Whether the last frame is not all there."""

    @property
    def as_promised(self) -> bool:
        """Whether the file is one recording whose length header is true."""
        return len(self.promised) == 1 and abs(self.promised[0] - self.count) <= 1

    def pieces(self) -> list[Piece]:
        """One stream of all frames, led by a header of ours that tells their true number."""
        assert self.first is not None, "there are frames"
        return [_length_frame(self.first, self.count), *self.runs]


def header(data: mmap | bytes, at: int) -> Header | None:
    """The frame header at a place, None where there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    kbps_index, rate_index = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 0 or rate_index == 3 or kbps_index in (0, 15):
        return None
    kbps = _KBPS[3 if version == 3 else 2, layer][kbps_index - 1]
    rate_hz, padding = _RATES_HZ[version][rate_index], data[at + 2] >> 1 & 1
    if layer == 3:
        samples, length = 384, (12_000 * kbps // rate_hz + padding) * 4
    else:
        samples = 576 if layer == 1 and version != 3 else 1152
        length = samples // 8 * 1000 * kbps // rate_hz + padding
    channels = 1 if data[at + 3] >> 6 == 3 else 2
    return Header(length, samples, rate_hz, channels, layer, version)


def find(data: mmap | bytes, start: int, end: int) -> Frames:
    """Every frame between two places; `first` is None where there are none."""
    found = Frames()
    at = _next(data, _skip_tags(data, start, end), min(end, start + _SEARCH_BYTES), end)
    run_from = at if at is not None else end
    while at is not None and at < end:
        head = header(data, at)
        if head is not None and at + head.length <= end:
            if (promise := _promise(data, at, head)) is not None:
                _close(found, run_from, at)
                if found.promised or found.count:
                    found.joins_s.append(found.seconds)
                found.promised.append(promise)
                run_from = at + head.length
            else:
                found.first = found.first or head
                found.count += 1
                found.seconds += head.samples / head.rate_hz
                found.kinds.add(head.kind)
            at += head.length
            continue
        _close(found, run_from, at)
        after = _skip_tags(data, at, end)
        again = _next(data, after, end, end)
        if again is None:
            found.cut = head is not None and after == at
        elif again > after:
            found.junk += again - after
        at = again
        run_from = at if at is not None else end
    _close(found, run_from, end)
    return found


def _close(found: Frames, start: int, end: int) -> None:
    if end > start:
        found.runs.append(ByteSpan(start, end - start))


def _next(data: mmap | bytes, at: int, until: int, end: int) -> int | None:
    """Where the next frame begins that is followed by another one, or by the end."""
    while (at := data.find(b"\xff", at, until)) >= 0:
        head = header(data, at)
        if head is not None:
            after = at + head.length
            follower = header(data, after)
            tag = data[after : after + 3] in (b"TAG", b"ID3", b"APE")
            if after == end or tag or (follower is not None and follower.kind == head.kind):
                return at
        at += 1
    return None


def _skip_tags(data: mmap | bytes, at: int, end: int) -> int:
    """Past whatever tags and zeros stand at a place."""
    while at < end:
        mark = data[at : at + 10]
        if mark[:3] == b"ID3" and len(mark) == 10:
            size = sum(
                (byte & 0x7F) << shift for byte, shift in zip(mark[6:], (21, 14, 7, 0), strict=True)
            )
            at += 10 + size + (10 if mark[5] & 0x10 else 0)
        elif mark[:3] == b"TAG":
            at += 128
        elif mark[:8] == b"APETAGEX":
            at += 32 + int.from_bytes(data[at + 12 : at + 16], "little")
        elif mark[:1] == b"\0":
            at += 1
        else:
            break
    return min(at, end)


def _promise(data: mmap | bytes, at: int, head: Header) -> int | None:
    """How many frames a Xing, Info or VBRI frame promises; None for a frame of sound."""
    if head.layer != 1:
        return None
    side = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}
    mark = at + 4 + side[head.version == 3, head.channels]
    if data[mark : mark + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(data[mark + 4 : mark + 8])
        return int.from_bytes(data[mark + 8 : mark + 12]) if flags & 1 else 0
    if data[at + 36 : at + 40] == b"VBRI":
        return int.from_bytes(data[at + 50 : at + 54])
    return None


def _length_frame(first: Header, count: int) -> bytes:
    """A frame without sound that tells how many follow, as encoders put it in front."""
    version = {3: 0xFB, 2: 0xF3, 0: 0xE3}[first.version]
    rate_index = _RATES_HZ[first.version].index(first.rate_hz)
    mode = 0xC0 if first.channels == 1 else 0x00
    for kbps_index in range(1, 15):
        head = bytes((0xFF, version, kbps_index << 4 | rate_index << 2, mode))
        made = header(head, 0)
        assert made is not None, "the bits are a header's"
        side = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}
        body = bytes(side[first.version == 3, first.channels])
        body += b"Info" + (1).to_bytes(4) + count.to_bytes(4)
        if made.length >= len(head) + len(body):
            return (head + body).ljust(made.length, b"\0")
    msg = "every rate has a frame that is long enough"
    raise AssertionError(msg)
