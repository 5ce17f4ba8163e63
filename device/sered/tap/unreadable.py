"""What a file is that is no recording, or none that can be read here, and what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.errors import AudioError
from sered.tap import ffmpeg, riff
from sered.tap.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

KINDS = "WAV, FLAC, OGG or MP3"
BARE = frozenset({".raw", ".pcm", ".s16", ".s16le", ".l16", ".lin", ".sw", ".dat", ".bin"})
"""Names of sound without a header that do not say of what kind it is."""
_OTHERS = (
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ", "an xz archive: unpack it"),
    (b"(\xb5/\xfd", "a zstd archive: unpack it"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself, `git lfs pull`"),
    (b"-----BEGIN PGP", "an encrypted file: decrypt it"),
)
_PAGE = (b"<!doctype", b"<html", b"<?xml", b"<head", b"http/1.", b"{", b"[")
CONVERTED = frozenset({
    ".m4a", ".mp4", ".aac", ".amr", ".3gp", ".3ga", ".awb", ".webm", ".mka", ".mkv", ".wma", ".asf",
    ".caf", ".g722", ".g723", ".g726", ".g729", ".spx", ".ac3", ".wv", ".ape", ".m4b", ".mov",
    ".avi", ".ts", ".flv", ".tta",
})  # fmt: skip
"""Names of sound that ffmpeg reads, where it is installed."""


def convert_line(path: Path) -> str:
    """The command that makes a WAV of anything."""
    return f"ffmpeg -i '{shown(path)}' call.wav"


def error(path: Path, codec: int | None, said: str) -> AudioError:
    """The sentence for a file that cannot be read; `said`: what the decoder made of it."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(64)
    if other := next((name for mark, name in _OTHERS if head.startswith(mark)), ""):
        msg = f"{shown(path)}: wanted a recording ({KINDS}), found {other}."
        return AudioError(msg)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_PAGE):
        msg = (
            f"{shown(path)}: wanted a recording ({KINDS}), found a text, as a server sends one "
            "with an error or a login. Fetch the recording anew."
        )
        return AudioError(msg)
    if codec is None and suffix in BARE:
        msg = (
            f"{shown(path)}: wanted a recording ({KINDS}), found no header, and its name does not "
            f"say what is in it. If it is 16-bit sound: ffmpeg -f s16le -ar 8000 -ac 1 -i "
            f"'{shown(path)}' call.wav (-f mulaw for mu-law, -ac 2 for two channels)"
        )
        return AudioError(msg)
    if codec is not None and codec != 1:
        what = f"one of {riff.codec_name(codec)}, which is not supported here ({said.rstrip('.')})"
    elif suffix in CONVERTED:
        what = f"{suffix}, which is read with ffmpeg ({said.rstrip('.')})"
    else:
        what = f"something else: {said}"
    remedy = f"If it is sound: {convert_line(path)}"
    if not ffmpeg.installed():
        remedy += " (with ffmpeg installed, `apt install ffmpeg`, sered does that itself)"
    end = "" if what.endswith(".") else "."
    return AudioError(f"{shown(path)}: wanted a recording ({KINDS}), found {what}{end} {remedy}")
