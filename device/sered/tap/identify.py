"""What a recording is, told by its bytes, and what its header has wrong."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from sered.errors import AudioError
from sered.tap import ffmpeg, flac_frames, mpeg_frames, ogg_pages, riff, unreadable
from sered.tap.decoders import Stream, libsndfile
from sered.tap.paths import shown
from sered.tap.rope import ByteSpan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.tap.rope import Piece

RAW = {
    **dict.fromkeys((".ulaw", ".ul", ".ulw", ".mulaw", ".mu", ".pcmu"), ("ULAW", 8_000)),
    **dict.fromkeys((".alaw", ".al", ".alw", ".pcma"), ("ALAW", 8_000)),
    ".sln": ("PCM_16", 8_000), ".slin": ("PCM_16", 8_000),
    ".gsm": ("GSM610", 8_000), ".vox": ("VOX_ADPCM", 8_000),
    **{f".sln{khz}": ("PCM_16", khz * 1000) for khz in (12, 16, 24, 32, 44, 48, 96, 192)},
}  # fmt: skip
"""Sound without a header, as exchanges name it: what libsndfile is to take it for."""
_CHUNKED = (".wav", ".wave")
_RAW_OPTIONS = {
    ".g722": ("-f", "g722"), ".g726": ("-f", "g726", "-ar", "8000"), ".g729": ("-f", "g729"),
}  # fmt: skip
_ONCE, _HEAD = (b"0&\xb2u\x8ef\xcf\x11", b"TTA1", b"FLV\x01"), 13
"""How WMA, TTA and FLV begin, of which ffmpeg reads the first only; and bytes that two of one maker
have in common."""
_NOT_READ = "another recording is joined to it, which was not read: cut them apart."


def identify(path: Path) -> Stream:
    """How the file is to be decoded; raises AudioError for one that nothing here can read."""
    stream = Stream(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        codec = _look(stream, data)
    if stream.through is None:
        _with_libsndfile(stream, codec)
    if stream.through is not None:
        try:
            with ffmpeg.Converted(path, stream.through) as converted:
                stream.rate_hz, stream.channels = converted.rate_hz, converted.channels
        except AudioError as error:
            raise unreadable.error(path, codec, f"ffmpeg says: {error}") from None
        stream.is_float = True
    return stream


def _with_libsndfile(stream: Stream, codec: int | None) -> None:
    found = set()
    try:
        for part in stream.parts:
            with stream.quietly(), stream.open(part) as file:
                found.add((file.samplerate, file.channels))
                stream.is_float = file.subtype in ("FLOAT", "DOUBLE")
    except libsndfile().LibsndfileError as error:
        if not ffmpeg.installed():
            raise unreadable.error(stream.path, codec, error.error_string) from None
        stream.through = ()
        if codec is not None:
            stream.notes[:] = [_NOT_READ] if len(stream.parts) > 1 else stream.notes
            stream.notes.append(f"its sound is {riff.codec_name(codec)}: decoded with ffmpeg.")
        return
    if len(found) > 1:
        if not ffmpeg.installed():
            kinds = " and ".join(f"{c} channel(s) at {r} Hz" for r, c in sorted(found))
            msg = (
                f"{shown(stream.path)}: wanted one recording, found several of different kinds "
                f"joined ({kinds}). Cut it apart, or make one of it: "
                f"{unreadable.convert_line(stream.path)}"
            )
            raise AudioError(msg)
        stream.through = ()
    ((stream.rate_hz, stream.channels), *_) = found


def _look(stream: Stream, data: mmap.mmap) -> int | None:
    """Fill in what the bytes tell; the codec's tag, where there is one."""
    suffix, mark = stream.path.suffix.lower(), data[:12]
    if mark[:4] in (b"RIFF", b"RIFX", b"RF64") and mark[8:] == b"WAVE":
        return _look_at_wav(stream, data)
    if mark[:4] in (b".snd", b"dns."):
        _take_sizes(stream, riff.au(data))
    elif mark[:4] in (b"FORM", b"caff", b"riff") or mark[4:8] == b"ftyp":
        _look_at_boxes(stream, data)
    elif mark[:4] == b"OggS":
        _look_at_ogg(stream, data)
    elif mark[:4] == flac_frames.MARK:
        _look_at_flac(stream, data)
    elif mark.startswith(_ONCE):
        stream.notes += [_NOT_READ] if data.find(data[:_HEAD], _HEAD) > 0 else []
    elif suffix in (".mp3", ".mp2", ".mpga") or mark[:3] == b"ID3" or mpeg_frames.header(data, 0):
        if data.find(flac_frames.MARK, 0, 1 << 16) < 0:
            _take_frames(stream, mpeg_frames.find(data, 0, len(data)))
    elif suffix in RAW:
        stream.raw = RAW[suffix]
    elif suffix in _RAW_OPTIONS and ffmpeg.installed():
        stream.through = _RAW_OPTIONS[suffix]
    elif suffix in unreadable.BARE:
        # libsndfile would look for an MP3's frames in it, and find some
        raise unreadable.error(stream.path, None, "")
    return None


def _look_at_boxes(stream: Stream, data: mmap.mmap) -> None:
    """AIFF, CAF, W64 and MP4; of several that are joined only the first is read."""
    mark, more = data[:4], -1
    if mark == b"FORM":
        _take_sizes(stream, riff.aiff(data))
        kind = data[8:12]
        more = next((at for at in _places(data, b"FORM") if data[at + 8 : at + 12] == kind), -1)
    elif mark == b"caff":
        _take_sizes(stream, riff.caf(data))
        more = data.find(data[:8] + b"desc", 8)
    elif mark == b"riff":
        _take_sizes(stream, riff.w64(data))
    else:
        more = _second_box(data)
    if more > 0:
        stream.notes.append(_NOT_READ)


def _places(data: mmap.mmap, mark: bytes) -> Iterator[int]:
    at = 0
    while (at := data.find(mark, at + 1)) > 0:
        yield at


def _second_box(data: mmap.mmap) -> int:
    """Where a second MP4 begins in a file; -1 for none."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if at and data[at + 4 : at + 8] == b"ftyp":
            return at
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        if size < 8:
            break
        at += size
    return -1


def _look_at_wav(stream: Stream, data: mmap.mmap) -> int | None:
    parts: list[tuple[Piece, ...]] = []
    codec, at, joined = None, 0, 0
    while at < len(data):
        found = riff.wav(data, at)
        if found is None:
            break
        codec = found.codec
        if codec in riff.MPEG_TAGS:
            frames = mpeg_frames.find(data, found.data.start, found.data.start + found.data.length)
            _take_frames(stream, frames)
            if riff.wav(data, found.end) is not None:
                stream.notes.append(_NOT_READ)
            return codec
        _take_sizes(stream, found)
        whole = (ByteSpan(at, found.end - at),) if at or found.end < len(data) else ()
        parts.append(found.pieces or whole)
        joined += 1
        at = found.end
    if joined > 1:
        stream.notes.append(f"{joined} recordings are joined in it; all of them were read.")
    stream.parts = tuple(parts) or ((),)
    return codec


def _take_sizes(stream: Stream, found: riff.Chunked | None) -> None:
    if found is None:
        return
    if found.cut:
        stream.cut = "its header promises more"
    if found.stale:
        stream.parts = (found.pieces,)
    if found.stale and found.declared < found.data.length:
        a_second = found.bytes_a_second
        told = (
            f"{found.declared / a_second:.1f} s, the file holds "
            f"{found.data.length / a_second:.1f} s"
            if a_second
            else f"{found.declared} bytes of sound, the file holds {found.data.length}"
        )
        stream.notes.append(f"its header tells of {told}: all of it was read.")


def _look_at_ogg(stream: Stream, data: mmap.mmap) -> None:
    pages = ogg_pages.find(data)
    stream.parts = tuple((link,) for link in pages.links)
    if pages.cut:
        stream.cut = "its last page is not all there"
    elif not pages.ended:
        stream.notes.append("its last page is not marked as the last: it may be cut off.")
    if len(pages.links) > 1:
        stream.notes.append(
            f"{len(pages.links)} recordings are joined in it; all of them were read."
        )
    if pages.missing:
        stream.notes.append(f"it is damaged: {pages.missing} page(s) are missing in its middle.")
    elif pages.junk:
        stream.notes.append("it is damaged: some of its bytes are no sound.")


def _look_at_flac(stream: Stream, data: mmap.mmap) -> None:
    starts = flac_frames.starts(data) or [0]
    ends = [*starts[1:], len(data)]
    parts: list[tuple[Piece, ...]] = []
    for start, end in zip(starts, ends, strict=True):
        pieces, cut = flac_frames.mended(data, start, end)
        whole = (ByteSpan(start, end - start),) if len(starts) > 1 else ()
        parts.append(pieces or whole)
        stream.cut = "its last frame is not all there" if cut else stream.cut
    if len(starts) > 1:
        stream.notes.append(f"{len(starts)} recordings are joined in it; all of them were read.")
    stream.parts = tuple(parts)


def _take_frames(stream: Stream, frames: mpeg_frames.Frames) -> None:
    if frames.first is None:
        return
    stream.mpeg = True
    if frames.cut:
        stream.cut = "its last frame is not all there"
    if len(frames.kinds) > 1 and ffmpeg.installed():
        stream.through = ()
        stream.notes.append("recordings of different kinds are joined in it: read with ffmpeg.")
    elif len(frames.kinds) > 1:
        msg = (
            f"{shown(stream.path)}: wanted one recording, found several of different kinds joined. "
            f"Cut it apart, or make one of it: {unreadable.convert_line(stream.path)}"
        )
        raise AudioError(msg)
    if not (frames.as_promised and stream.path.suffix.lower() not in _CHUNKED):
        # a true header also tells what an encoder put in front of the sound
        stream.parts = (tuple(frames.pieces()),)
    stream.joins_s = frames.joins_s
    rate_hz, seconds = frames.first.rate_hz, frames.seconds
    promised_s = frames.promised[0] * frames.first.samples / rate_hz if frames.promised else seconds
    if len(frames.promised) > 1:
        stream.notes.append(
            f"{len(frames.promised)} recordings are joined in it; all of them were read."
        )
    elif stream.through is None and abs(promised_s - seconds) > 1.0:
        stream.notes.append(
            f"its header tells of {promised_s:.1f} s, its frames are {seconds:.1f} s: "
            "all of it was read."
        )
    if frames.junk > frames.first.length:
        stream.notes.append(f"it is damaged: {frames.junk} bytes in it are no sound.")
