"""Carries out the plan for a card: files written whole, then secrets off it, then what is said.

Power may fail at any line: what is on the card goes only once its copy is safe, and doing
everything again comes to the same.
"""

from __future__ import annotations

import contextlib
import grp
import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

from sered.boot import plan as planning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sered.boot.plan import Plan, Write

_TOKEN = f"{planning.ETC}/page-token"
_TAKEN = f"{planning.ETC}/.taken-over"


def take_over(card: Path, root: Path, *, whole: bool) -> Plan:
    """Read the card, write what it says below `root`, say on the card what came of it.

    `whole`: see plan.WHOLE. Raises OSError where the card cannot be read or the box written.
    """
    names = tuple(each.name for each in card.iterdir() if each.is_file())
    called = planning.wanted(names, whole=whole)
    contents = {ours: _content(card / name) for ours, name in called.items()}
    kept = _read(_below(root, _TOKEN)).strip()
    found = planning.plan(
        names,
        contents,
        taken=_read(_below(root, _TAKEN)),
        whole=whole,
        token=kept or secrets.token_urlsafe(18),
        kept_token=bool(kept),
    )
    pending = [write for write in found.writes if not _is_there(root, write)]
    if pending or _zone_moves(root, found.time_zone):
        with _writable(root):
            for write in pending:
                put(root, write)
            _set_zone(root, found.time_zone)
    said = planning.said(found)
    if found.removes or _read(card / planning.SAYS) != said:
        with _writable(card):
            for name in found.removes:
                _erase(card / name)
            _replace(card / planning.SAYS, said.encode())
    return found


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(planning.LARGEST + 1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _is_there(root: Path, write: Write) -> bool:
    try:
        return _below(root, write.path).read_bytes() == write.content
    except OSError:
        return False


def put(root: Path, write: Write) -> None:
    """Write one file whole, with its mode and group, below `root`."""
    path = _below(root, write.path)
    if not path.parent.exists():
        path.parent.mkdir(parents=True, mode=0o755)
    gid = _group(write.group)
    # of what lies in somebody's home he is the owner, or SSH does not believe it
    uid = gid if write.group not in {"root", "sered"} else 0
    if uid:
        os.chown(path.parent, uid, gid)
        path.parent.chmod(0o700)
    _replace(path, write.content, write.mode, (uid, gid))


def _group(name: str) -> int:
    if os.geteuid() != 0:
        return os.getegid()
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0


def _replace(
    path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None
) -> None:
    """In one step, and on the disk before this returns."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        if owner and os.geteuid() == 0:
            os.fchown(handle, *owner)
        # a card's file system has no modes, and some kernels say so
        with contextlib.suppress(PermissionError):
            os.fchmod(handle, mode)
        file.flush()
        os.fsync(handle)
    beside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _erase(path: Path) -> None:
    """Overwritten before it goes: who reads the card's free sectors shall not find it easily."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync(path.parent)


def _zone_moves(root: Path, zone: str | None) -> bool:
    link = root / "etc/localtime"
    return zone is not None and not (
        link.is_symlink() and str(link.readlink()).endswith(f"/zoneinfo/{zone}")
    )


def _set_zone(root: Path, zone: str | None) -> None:
    if zone is None or not _zone_moves(root, zone):
        return
    beside = root / "etc/.localtime.new"
    beside.unlink(missing_ok=True)
    beside.symlink_to(f"/usr/share/zoneinfo/{zone}")
    beside.replace(root / "etc/localtime")
    _sync(root / "etc")


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    """A file system that is mounted for reading only is opened, and closed again."""
    mount = shutil.which("mount") if os.statvfs(path).f_flag & os.ST_RDONLY else None
    if mount is None:
        yield
        return
    subprocess.run([mount, "-o", "remount,rw", path], check=True, capture_output=True)
    try:
        yield
    finally:
        # busy, where something else writes there too: the next start has it closed
        subprocess.run([mount, "-o", "remount,ro", path], check=False, capture_output=True)
