"""A folder of results, one file a recording by its content: a run can be taken up again."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from sered.archive.task import Result
from sered.errors import ConfigError, SeredError
from sered.tap.clock import named_time
from sered.tap.paths import shown

if TYPE_CHECKING:
    from io import TextIOWrapper
    from pathlib import Path

    from sered.archive.task import Task
    from sered.contract.call import Versions
    from sered.settings import Settings

SCHEMA = "sered.archive/1"
_CHUNK = 1 << 20


class FullError(SeredError):
    """The disk took no more; what was done before is kept."""


class ResultFolder:
    """Results in `path`, made with one configuration and one set of models.

    Several runs may work on it at once if each has a `part` of the recordings of its own. Raises
    ConfigError where it was made otherwise, holds results nobody wants to go on with, or is in
    use.
    """

    def __init__(
        self, path: Path, settings: Settings, versions: Versions, *, resume: bool, part: str = ""
    ) -> None:
        self.path = path
        try:
            (path / "results").mkdir(parents=True, exist_ok=True)
            self._lock = self._locked(path / f".lock{part}")
            self._check(settings, versions, resume=resume)
        except OSError as error:
            msg = f"{shown(path)}: results cannot be kept there ({error.strerror})."
            raise ConfigError(msg) from None

    def close(self) -> None:
        """Let others use it."""
        self._lock.close()

    def _locked(self, path: Path) -> TextIOWrapper:
        file = path.open("w", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            msg = f"{shown(self.path)}: another run is writing there. Let it end, or take another."
            raise ConfigError(msg) from None
        return file

    def _check(self, settings: Settings, versions: Versions, *, resume: bool) -> None:
        marked = self.path / "run.json"
        mine = {"schema": SCHEMA, "settings": _digest(settings), **versions.model_dump()}
        if not marked.exists():
            partial = marked.with_name(f"run.json.{os.getpid()}")
            partial.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
            partial.replace(marked)
            return
        try:
            theirs = json.loads(marked.read_text(encoding="utf-8"))
        except ValueError:
            theirs = {}
        if not resume:
            msg = f"{shown(self.path)}: holds results already. Go on with them by --resume."
            raise ConfigError(msg)
        if other := sorted(name for name in mine if theirs.get(name) != mine[name]):
            msg = (
                f"{shown(self.path)}: its results were made with other {', '.join(other)}."
                " Take another folder, or results of two kinds would stand side by side."
            )
            raise ConfigError(msg)


def key_of(task: Task) -> str | None:
    """What a result is kept under: the sound and what is said of it; None: unreadable.

    Not the name: a recording that was renamed is not judged again.
    """
    digest = hashlib.sha256()
    try:
        with task.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        began = task.started_at or named_time(task.path.name)
        when = began.isoformat() if began else str(task.path.stat().st_mtime_ns)
    except OSError:
        return None
    digest.update("\0".join(("", task.sides or "", task.line or "", when)).encode())
    return digest.hexdigest()


def kept(folder: Path, task: Task, key: str | None) -> Result | None:
    """The result that a folder has, under the name that the recording has now."""
    if key is None:
        return None
    try:
        return Result.of_kept(task, json.loads(_place(folder, key).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        # none, or half of one from a machine that lost its power: judged again
        return None


def keep(folder: Path, key: str, result: Result) -> None:
    """Put a result into a folder, whole or not at all; safe from several processes.

    Raises FullError.
    """
    place = _place(folder, key)
    partial = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            json.dump(result.kept(), file, ensure_ascii=False, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(place)
    except OSError as error:
        partial.unlink(missing_ok=True)
        what = "is full" if error.errno == errno.ENOSPC else f"failed ({error.strerror})"
        msg = f"{shown(folder)}: the disk {what}. What was done is kept: go on with --resume."
        raise FullError(msg) from None


def _place(folder: Path, key: str) -> Path:
    return folder / "results" / key[:2] / f"{key[2:]}.json"


def _digest(settings: Settings) -> str:
    """Of all that changes a verdict; where it is published and kept does not."""
    known: dict[str, Any] = settings.model_dump(
        mode="json", exclude={"mqtt", "spool", "health_every_s", "log_level"}
    )
    return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:16]
