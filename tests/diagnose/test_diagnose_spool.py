"""The spool: real files, really damaged, locked, forbidden and full."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from message_makers import status
from sered.box import snapshot
from sered.contract.messages import Health
from sered.delivery.expiry import uptime_s
from sered.delivery.spool import Spool
from sered.diagnose import fixes
from sered.diagnose.checks import service_user
from sered.diagnose.model import Context, Mark, Result
from sered.settings import SpoolSettings

pytestmark = pytest.mark.slow


Examine = Callable[..., dict[str, Result]]
Look = Callable[..., dict[str, Result]]

PAGE = 4096
"""SQLite's first page, with its own notes, may change by looking; rows lie behind it."""


def settings(path: Path, **limits: float) -> SpoolSettings:
    return SpoolSettings.model_validate({"path": path, **limits})


def fill(path: Path, count: int, age_s: float = 0.0, **limits: float) -> None:
    """A spool as the service leaves it, with messages in it."""
    # it began so long ago that this machine's up time may be younger
    spool = Spool(settings(path, **limits), uptime=lambda: uptime_s() - age_s)
    for number in range(count):
        spool.put("calls", b"{}" * 500, key=f"c{number}", line="front")
    spool.close()


@pytest.fixture
def path() -> Iterator[Path]:
    """A spool's path in a folder that other users may reach."""
    folder = Path(tempfile.mkdtemp(prefix="sered-spool-"))
    folder.chmod(0o755)
    yield folder / "spool.db"
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def look(configured: Callable[..., Context], examine: Examine, path: Path) -> Look:
    def look(**where: object) -> dict[str, Result]:
        return examine("spool", configured(f'[spool]\npath = "{path}"', **where))

    return look


def test_a_spool_that_is_not_there_yet_is_in_order_and_stays_away(look: Look, path: Path) -> None:
    """A missing spool is no fault, and looking makes none."""
    results = look()
    assert {result.mark for result in results.values()} == {Mark.OK}
    assert list(path.parent.iterdir()) == []


def test_what_waits_is_counted_and_left_alone(look: Look, path: Path) -> None:
    """Waiting messages are counted with the oldest's age, the file unchanged."""
    fill(path, 3, age_s=300.0)
    content = path.read_bytes()
    results = look()
    assert results["spool.waiting"].found == "3 waiting, the oldest for 5 minutes"
    assert results["spool.waiting"].mark is Mark.OK
    assert path.read_bytes()[PAGE:] == content[PAGE:]
    assert list(path.parent.iterdir()) == [path]


def test_what_has_waited_for_days_is_told(look: Look, path: Path) -> None:
    """Messages that wait for days are a warning that nothing is lost."""
    fill(path, 2, age_s=3 * 86_400.0)
    result = look()["spool.waiting"]
    assert (result.mark, result.fault) == (Mark.WARN, "long")
    assert "2 waiting, the oldest for 3 days" in result.found
    assert "Nothing is lost" in result.hint


def test_a_corrupt_spool_is_told_and_not_touched(look: Look, path: Path) -> None:
    """A damaged spool fails, and stays as it is for the service to save."""
    fill(path, 50)
    content = bytearray(path.read_bytes())
    content[4096:8192] = os.urandom(4096)
    path.write_bytes(content)
    results = look()
    result = results["spool.opens"]
    assert (result.mark, result.fault) == (Mark.FAIL, "damaged")
    assert "takes over what can be read" in result.hint
    assert path.read_bytes()[PAGE:] == content[PAGE:]
    assert results["spool.waiting"].found == "spool.opens failed"


def test_a_file_that_is_no_spool_is_told(look: Look, path: Path) -> None:
    """A file of other bytes at the spool's place is damaged."""
    path.write_bytes(b"these are not the bytes of a database" * 40)
    assert look()["spool.opens"].fault == "damaged"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_spool_that_the_services_user_may_not_write_is_told(
    look: Look, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor runs as root, the service does not: root's rights must not hide the fault."""
    fill(path, 1)
    monkeypatch.setattr(service_user, "SERVICE_USER", "nobody")
    result = look()["spool.folder"]
    assert (result.mark, result.fault) == (Mark.FAIL, "not_ours")
    assert f"chown nobody: {path.parent}" in result.hint
    shutil.chown(path.parent, "nobody")
    result = look()["spool.opens"]
    assert (result.mark, result.fault) == (Mark.FAIL, "read_only")
    assert f"ls -l {path}*" in result.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_missing_spool_folder_is_told_and_made_by_fix(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[..., Context],
    examine: Examine,
) -> None:
    """--fix makes the spool's folder for the service's user."""
    monkeypatch.setattr(service_user, "SERVICE_USER", "daemon")
    context = configured(f'[spool]\npath = "{path.parent}/inner/spool.db"')
    result = examine("spool", context)["spool.folder"]
    assert (result.mark, result.fault) == (Mark.FAIL, "no_folder")
    ((_, cure),) = fixes.possible([result])
    assert fixes.apply(cure, context) == ""
    assert (path.parent / "inner").owner() == "daemon"
    assert examine("spool", context)["spool.folder"].mark is Mark.OK


def test_a_spool_that_another_program_holds_is_told(look: Look, path: Path) -> None:
    """A spool that somebody locked is in use, no fault of the file."""
    fill(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        result = look()["spool.opens"]
    assert (result.mark, result.fault) == (Mark.WARN, "in_use")


def test_verdicts_that_were_given_up_are_told(look: Look, path: Path) -> None:
    """Messages older than max_days that were given up are counted."""
    fill(path, 5, age_s=50 * 86_400.0)
    spool = Spool(settings(path, max_days=10.0))
    spool.expire()
    assert spool.depth == 0
    spool.close()
    result = look()["spool.whole"]
    assert (result.mark, result.fault) == (Mark.WARN, "given_up")
    assert result.found.startswith("5 given up")


def test_a_spool_that_was_set_aside_is_told(look: Look, path: Path) -> None:
    """A damaged spool that was set aside is a warning with its name."""
    fill(path, 2)
    path.write_bytes(b"\0" * 5000)
    Spool(settings(path)).close()
    result = look()["spool.whole"]
    assert (result.mark, result.fault) == (Mark.WARN, "set_aside")
    assert "spool.db.damaged-1" in result.hint


def running(*reasons: str, text: str = "", depth: int = 0) -> snapshot.Snapshot:
    known: dict[str, Any] = {"spool_depth": depth, "spool_dropped": 0}
    health = Health.model_construct(**known)
    told = status("degraded" if reasons else "online", text, reasons=reasons)
    return snapshot.Snapshot.model_construct(
        pid=1, at=0.0, broker="", status=told, health=health, spool_waits_s=7200.0
    )


def test_beside_the_running_service_the_spool_is_asked_for_not_opened(
    look: Look, path: Path
) -> None:
    """While the service runs, its snapshot tells of the spool."""
    spool = Spool(settings(path))
    try:
        results = look(service=running(depth=4))
    finally:
        spool.close()
    assert results["spool.opens"].found == "the running service has it open"
    assert results["spool.waiting"].fault == "long"
    assert "4 waiting" in results["spool.waiting"].found


@pytest.mark.parametrize("name", ["read_only", "full", "failed"])
def test_the_running_services_own_word_on_its_spool_is_taken(look: Look, name: str) -> None:
    """A spool fault in the service's status is the doctor's, too."""
    results = look(service=running(f"spool_{name}", text="The disk is full."))
    assert results["spool.opens"].fault == name
    assert "The disk is full." in results["spool.opens"].found
