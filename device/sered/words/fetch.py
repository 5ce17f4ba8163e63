"""Fetches the official Vosk models: pinned address and checksum, resumed, whole or not at all."""

from __future__ import annotations

# names in archives are read with it: as a folder's owner Python's own files may be out of reach
import encodings.cp437  # noqa: F401 - looked up by name, then
import errno
import hashlib
import json
import os
import shutil
import stat
import zipfile
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from sered.errors import FetchError
from sered.owner import as_owner
from sered.words.transfer import MB, copy, download, open_given, room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.words.transfer import Progress

MANIFEST = ".sered.json"
"""What was fetched, in the model's folder: name, SHA-256 of the archive and of every file."""

_MARGIN = 1.25
"""An archive's size is told about."""
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
    USB stick). Root works with the rights of who owns `into`. Raises FetchError with a sentence;
    a transfer that was cut is continued next time.
    """
    path = _given(source, mirror)
    with open_given(path) if path else nullcontext() as given:
        try:
            with as_owner(into):
                return _fetch(source, into, progress, _address(source, mirror), given)
        except FetchError:
            raise
        except OSError as error:
            raise _cannot_write(error, into) from error


def _fetch(
    source: Source, into: Path, progress: Progress, url: str, given: BinaryIO | None
) -> Path:
    folder = into / source.name
    if (folder / MANIFEST).is_file() and not damage(folder):
        return folder
    archive = into / f".{source.name}.zip.part"
    most = int(source.size_mb * MB * _MARGIN) + MB
    try:
        into.mkdir(parents=True, exist_ok=True)
        if given is None:
            download(url, archive, most, progress)
        else:
            copy(given, archive, most, progress)
        _check(source, archive, given)
        _unpack(source, archive, folder)
        archive.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            # a box whose disk we filled could not even keep its verdicts
            with suppress(OSError):
                archive.unlink(missing_ok=True)
        raise
    return folder


def damage(folder: Path) -> list[str]:
    """Files of a fetched model that are gone or changed since; empty when it is whole."""
    manifest = folder / MANIFEST
    # a pipe would let us wait for ever
    if not manifest.is_file():
        return [MANIFEST]
    try:
        listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return [MANIFEST]
    return [
        name
        for name, digest in listed.items()
        if not (folder / name).is_file() or _sha256(folder / name) != digest
    ]


def _given(source: Source, mirror: str | None) -> Path | None:
    """The archive that somebody brought, where `mirror` is no address."""
    if mirror is None or ("://" in mirror and not mirror.startswith("file://")):
        return None
    place = Path(mirror.removeprefix("file://")).absolute()
    return place if place.is_file() else place / source.url.rpartition("/")[2]


def _address(source: Source, mirror: str | None) -> str:
    if mirror is None:
        return source.url
    return f"{mirror.rstrip('/')}/{source.url.rpartition('/')[2]}"


def _cannot_write(error: OSError, into: Path) -> FetchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(f"{into}: the disk is full ({error.strerror}). Make room, or use --into.")
    return FetchError(
        f"{into}: cannot be written ({error.strerror or error}). Try with sudo, or use --into."
    )


def _check(source: Source, archive: Path, given: BinaryIO | None) -> None:
    found = _sha256(archive)
    if found == source.sha256:
        return
    archive.unlink()
    wanted = f"wanted an archive with SHA-256 {source.sha256[:12]}…, found {found[:12]}…"
    if given is not None:
        msg = (
            f"{given.name}: {wanted}. The file is damaged, or of another version: download "
            f"{source.url} again, and copy it anew."
        )
    else:
        msg = (
            f"{source.name}: {wanted}; it was thrown away. Something between here and the server "
            "changes what is sent: try from another network."
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
                msg = f"{source.name}: its archive unpacks to {size / MB:.0f} MB; no model does."
                raise FetchError(msg)
            room(folder.parent, size)
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
