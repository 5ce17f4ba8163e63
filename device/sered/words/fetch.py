"""Fetches the official Vosk models: pinned address and checksum, resumed, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import urllib.error
import urllib.request
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sered.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int | None], None]
    """Called with bytes so far and bytes in all, None where the server does not say."""

MANIFEST = ".sered.json"
"""What was fetched, in the model's folder: name, SHA-256 of the archive and of every file."""

_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_MB = 1_000_000
# a static Kaldi graph shrinks to a third in its archive; twenty times is no model any more
_MOST_UNPACKED = 20


@dataclass(frozen=True, slots=True)
class Source:
    """One official model: where it is, what it must be, what it asks of the box."""

    name: str
    url: str
    sha256: str
    size_mb: int
    """Of the archive, about."""
    memory_mb: int
    """While it recognises, about; an estimate from the size of its graph for all but the first."""
    about: str


SOURCES = (
    Source(
        name="vosk-model-small-en-us-0.15",
        url="https://alphacephei.com/vosk/models/vosk-model-small-en-us-0.15.zip",
        sha256="30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
        size_mb=41,
        memory_mb=300,
        about="US English, small: the one for a Raspberry Pi",
    ),
    Source(
        name="vosk-model-en-us-0.22-lgraph",
        url="https://alphacephei.com/vosk/models/vosk-model-en-us-0.22-lgraph.zip",
        sha256="d9838b4aaa82a75c4a17f5aca300eaca129aaab2a7cbf951bafbb500eb9c4334",
        size_mb=128,
        memory_mb=700,
        about="US English, larger vocabulary: more exact and slower, for one line on a big Pi",
    ),
)
"""The first is what `sered models fetch` takes when nothing is said."""


def fetch(source: Source, into: Path, progress: Progress, mirror: str | None = None) -> Path:
    """Put a model's folder below `into` and return it; one that is whole already is left alone.

    `mirror`: another place that has the archive by its own name (an address, or a folder as on a
    USB stick). Raises FetchError with a sentence; a transfer that was cut is continued next time.
    """
    folder = into / source.name
    if (folder / MANIFEST).is_file() and not damage(folder):
        return folder
    archive = into / f".{source.name}.zip.part"
    try:
        into.mkdir(parents=True, exist_ok=True)
        _transfer(_address(source, mirror), archive, progress)
        _check(source, archive)
        _unpack(source, archive, folder)
        archive.unlink()
    except FetchError:
        raise
    except OSError as error:
        raise _cannot_write(error, into, archive) from error
    return folder


def damage(folder: Path) -> list[str]:
    """Files of a fetched model that are gone or changed since; empty when it is whole."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return [MANIFEST]
    return [
        name
        for name, digest in listed.items()
        if not (folder / name).is_file() or _sha256(folder / name) != digest
    ]


def _address(source: Source, mirror: str | None) -> str:
    if mirror is None:
        return source.url
    file = source.url.rpartition("/")[2]
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{file}"
    return (Path(mirror).absolute() / file).as_uri()


def _transfer(url: str, archive: Path, progress: Progress) -> None:
    """Bring the archive's file to its full length, however often the connection is cut."""
    while True:
        before = archive.stat().st_size if archive.exists() else 0
        answer = _ask(url, before)
        if answer is None:
            return
        with answer:
            total, cut = _copy(answer, archive, before, progress)
        have = archive.stat().st_size
        if cut is None and (total is None or have >= total):
            return
        if have <= before:
            of = f" of {total / _MB:.1f}" if total else ""
            msg = (
                f"{url}: the connection was cut at {have / _MB:.1f}{of} MB. "
                "Run `sered models fetch` again: it goes on from there."
            )
            raise FetchError(msg) from cut


def _ask(url: str, have: int) -> Any:
    """The server's answer from byte `have` on; None where nothing is left to send."""
    request = urllib.request.Request(url, headers={"User-Agent": "sered"})  # noqa: S310 - pinned
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            # what is here is whole, or not this archive: the checksum knows
            return None
        msg = (
            f"{url}: the server answered {error.code} ({error.reason}). "
            "Try later, or name a mirror with --from."
        )
        raise FetchError(msg) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _offline(url, error) from error


def _copy(
    answer: Any,
    archive: Path,
    have: int,
    progress: Progress,
) -> tuple[int | None, Exception | None]:
    """Write what comes; returns the archive's full length where known, and what cut it off."""
    resumed = answer.status == HTTPStatus.PARTIAL_CONTENT
    done = have if resumed else 0
    length = answer.headers.get("Content-Length")
    total = done + int(length) if length is not None else None
    if total is not None:
        _room(archive.parent, total - done)
    with archive.open("ab" if resumed else "wb") as out:
        while True:
            try:
                chunk = answer.read(_CHUNK)
            except (OSError, HTTPException) as cut:
                return total, cut
            if not chunk:
                return total, None
            out.write(chunk)
            done += len(chunk)
            progress(done, total)


def _offline(url: str, error: Exception) -> FetchError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if url.startswith("file:"):
        return FetchError(f"{url.removeprefix('file://')}: no such archive ({reason}).")
    return FetchError(
        f"{url}: cannot be reached ({reason}). Is this box online? Elsewhere, download that file "
        "and bring it on a USB stick: `sered models fetch --from /media/usb`."
    )


def _room(folder: Path, missing: int) -> None:
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise OSError(errno.ENOSPC, f"{missing / _MB:.0f} MB wanted, {free / _MB:.0f} MB free")


def _cannot_write(error: OSError, into: Path, archive: Path) -> FetchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        # a box whose disk we filled could not even keep its verdicts
        with suppress(OSError):
            archive.unlink(missing_ok=True)
        return FetchError(f"{into}: the disk is full ({error.strerror}). Make room, or use --into.")
    return FetchError(
        f"{into}: cannot be written ({error.strerror or error}). Try with sudo, or use --into."
    )


def _check(source: Source, archive: Path) -> None:
    found = _sha256(archive)
    if found != source.sha256:
        archive.unlink()
        msg = (
            f"{source.name}: wanted an archive with SHA-256 {source.sha256[:12]}…, found "
            f"{found[:12]}…; it was thrown away. Something between here and the server changes "
            "what is sent: try from another network."
        )
        raise FetchError(msg)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(source: Source, archive: Path, folder: Path) -> None:
    """Unpack beside the final place and rename: a model is there whole or not at all."""
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as packed:
            members = list(_members(source, packed))
            size = sum(info.file_size for info, _ in members)
            if size > _MOST_UNPACKED * archive.stat().st_size:
                msg = f"{source.name}: its archive unpacks to {size / _MB:.0f} MB; no model does."
                raise FetchError(msg)
            _room(folder.parent, size)
            for info, name in members:
                target = beside / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(info) as packed_file, target.open("wb") as out:
                    shutil.copyfileobj(packed_file, out)
        _sign(source, beside)
        _swap(beside, folder)
    except zipfile.BadZipFile as error:
        archive.unlink()
        msg = f"{source.name}: wanted a ZIP archive, found something else; fetch it again."
        raise FetchError(msg) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _members(source: Source, packed: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """The archive's files, without the folder they all lie in; none may lie outside it."""
    for info in packed.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        link = stat.S_ISLNK(info.external_attr >> 16)
        if not parts or parts[0] == "/" or ".." in parts or link:
            msg = f"{source.name}: its archive holds {info.filename!r}, which no model does."
            raise FetchError(msg)
        if not info.is_dir() and len(parts) > 1:
            yield info, Path(*parts[1:])


def _sign(source: Source, folder: Path) -> None:
    files = {
        str(path.relative_to(folder)): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {"name": source.name, "url": source.url, "sha256": source.sha256, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
