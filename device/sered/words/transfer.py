"""Brings an archive here, from a server or a stick: resumed, never more than it may be."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, BinaryIO

from sered.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Progress = Callable[[int, int | None], None]
    """Called with bytes so far and bytes in all, None where the server does not say."""

_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
MB = 1_000_000


def open_given(path: Path) -> BinaryIO:
    """An archive that somebody brought; raises FetchError where it is no file to be read."""
    try:
        # a pipe would let us wait for ever
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = "no such archive" if error.errno == errno.ENOENT else "cannot be read"
        raise FetchError(f"{path}: {what} ({error.strerror}).") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FetchError(f"{path}: wanted the archive, found something that is no file.")
    return os.fdopen(handle, "rb")


def copy(given: BinaryIO, archive: Path, most: int, progress: Progress) -> None:
    """Put what somebody brought to its place; raises FetchError for more than `most` bytes."""
    size = os.fstat(given.fileno()).st_size
    if size > most:
        raise FetchError(_too_much(given.name, most))
    room(archive.parent, size)
    done = 0
    with _part(archive, resumed=False) as out:
        while chunk := given.read(_CHUNK):
            out.write(chunk)
            done += len(chunk)
            progress(done, size)


def download(url: str, archive: Path, most: int, progress: Progress) -> None:
    """Bring the archive's file to its full length, however often the connection is cut.

    Raises FetchError for one that stays cut, and for more than `most` bytes.
    """
    while True:
        before = _size(archive)
        answer = _ask(url, before)
        if answer is None:
            return
        with answer:
            total, cut = _copy(answer, archive, before, most, progress)
        have = _size(archive)
        if max(total or 0, have) > most:
            archive.unlink(missing_ok=True)
            raise FetchError(_too_much(url, most))
        if cut is None and (total is None or have >= total):
            return
        if have <= before:
            of = f" of {total / MB:.1f}" if total else ""
            msg = (
                f"{url}: the connection was cut at {have / MB:.1f}{of} MB. "
                "Run `sered models fetch` again: it goes on from there."
            )
            raise FetchError(msg) from cut


def room(folder: Path, missing: int) -> None:
    """Raise OSError where a disk has no room for so many bytes more."""
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise OSError(errno.ENOSPC, f"{missing / MB:.0f} MB wanted, {free / MB:.0f} MB free")


def _too_much(where: str, most: int) -> str:
    return f"{where}: more than {most / MB:.0f} MB, so it is not that model; nothing was kept."


def _size(archive: Path) -> int:
    """Bytes that an earlier try left; what is no file of ours is taken away."""
    try:
        found = archive.lstat()
    except FileNotFoundError:
        return 0
    if stat.S_ISREG(found.st_mode):
        return found.st_size
    archive.unlink()
    return 0


def _part(archive: Path, *, resumed: bool) -> BinaryIO:
    _size(archive)
    how = os.O_APPEND if resumed else os.O_TRUNC
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(archive, flags | how, 0o644), "ab" if resumed else "wb")


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
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        msg = (
            f"{url}: cannot be reached ({reason}). Is this box online? Elsewhere, download that "
            "file and bring it on a USB stick: `sered models fetch --from /media/usb`."
        )
        raise FetchError(msg) from error


def _copy(
    answer: Any, archive: Path, have: int, most: int, progress: Progress
) -> tuple[int | None, Exception | None]:
    """Write what comes; returns the archive's full length where known, and what cut it off."""
    resumed = answer.status == HTTPStatus.PARTIAL_CONTENT
    done = have if resumed else 0
    said = (answer.headers.get("Content-Length") or "").strip()
    # what is no number says nothing
    total = done + int(said) if said.isascii() and said.isdigit() else None
    if total is not None:
        if total > most:
            return total, None
        room(archive.parent, total - done)
    with _part(archive, resumed=resumed) as out:
        while done <= most:
            try:
                chunk = answer.read(_CHUNK)
            except (OSError, HTTPException) as cut:
                return total, cut
            if not chunk:
                break
            out.write(chunk)
            done += len(chunk)
            progress(done, total)
    return total, None
