"""Backup and restore as docs/central.md says: while central writes, and whole afterwards."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from central_boxes import arrived, calls
from central_stage import empty
from sered.central import audit
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import migrate, tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path

    from central_stage import Clock
    from sered.central.context import Central


def test_a_backup_taken_while_it_writes_is_whole(
    central: Central, clock: Clock, store_url: str, tmp_path: Path
) -> None:
    """The restored store has this version's tables, whole calls and a trail that verifies."""
    intake, batch = Intake(central), [arrived(messages.report(c)) for c in calls(clock, 200)]
    intake.take(batch[:100])

    def go_on() -> None:
        for one in batch[100:]:
            intake.take([one])

    writing = threading.Thread(target=go_on)
    writing.start()
    if central.store.dialect == "sqlite":
        copy = tmp_path / "backup.db"
        source = store_url.removeprefix("sqlite:///")
        code = "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b)"
        subprocess.run(["python3", "-c", code, source, str(copy)], check=True)
        restored = Store(f"sqlite:///{copy}")
    else:
        dump = subprocess.run(
            ["pg_dump", "--format=custom", store_url], check=True, capture_output=True
        ).stdout
        writing.join()
        empty(store_url)
        restored = Store(store_url)
        subprocess.run(["pg_restore", "--no-owner", "--dbname", store_url], input=dump, check=True)
    writing.join()
    migrate.check(restored)
    with restored.reading() as connection:
        kept = connection.scalar(select(func.count()).select_from(tables.call)) or 0
        reports = connection.scalar(select(func.count()).select_from(tables.call_report)) or 0
        assert list(audit.faults(connection)) == []
    assert 100 <= kept == reports <= 200
    restored.close()
