"""The spool's file: SQLite schema and migrations, durable writes, and signs of damage."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sered.delivery.age import from_text
from sered.delivery.spool_row import (
    COLUMNS,
    Damaged,
    Draft,
    Message,
    as_damage,
    from_row,
    to_row,
    whole_rows,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from sered.delivery.age import Stamp

MIGRATIONS = (
    """
    CREATE TABLE outbox(
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        leaf TEXT NOT NULL,
        line TEXT NOT NULL,
        at REAL NOT NULL,
        crc INTEGER NOT NULL,
        payload BLOB NOT NULL);
    CREATE TABLE tally(name TEXT PRIMARY KEY, count INTEGER NOT NULL);
    """,
    # `at` stays what it was, so that a sered of schema 1 can still read the rows
    """
    ALTER TABLE outbox ADD COLUMN stamp TEXT NOT NULL DEFAULT '';
    CREATE TABLE left_open(
        call_id TEXT PRIMARY KEY, line TEXT NOT NULL, payload BLOB NOT NULL);
    """,
)
"""Statement n takes a file from schema n to n + 1; never edit one that was released."""

_SPARE_PAGES = 256
"""Empty pages worth giving back to the disk."""


class SpoolFile:
    """One open spool; raises sqlite3.Error, OSError and Damaged as they come. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(path.name + "-wal")
        # EXCLUSIVE: one process a spool, and no shared-memory file that could be cut under us
        self._db = sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)
        try:
            with as_damage():
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        for pragma in (
            "auto_vacuum=INCREMENTAL",
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            # FULL: the WAL is on the medium before a put returns
            "synchronous=FULL",
            "wal_autocheckpoint=256",
            "journal_size_limit=1048576",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        version = self._number("PRAGMA user_version")
        if version > len(MIGRATIONS):
            msg = f"a newer sered wrote it (schema {version}, this one knows {len(MIGRATIONS)})"
            raise Damaged(msg)
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise Damaged(" ".join(found.split()))
        for number, statements in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN;{statements};PRAGMA user_version={number};COMMIT;")
        # a file or medium that is read-only must show now; nothing is written
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("ROLLBACK")
        self.count = self._number("SELECT count(*) FROM outbox")
        self.last_id = self._number("SELECT coalesce(max(id), 0) FROM outbox")
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._remember()

    def _number(self, sql: str, *values: object) -> int:
        return int(self._db.execute(sql, values).fetchone()[0])

    def _remember(self) -> None:
        self._inodes = [os.stat(path).st_ino for path in (self.path, self._wal)]  # noqa: PTH116 - cheapest before each message
        self._size = self.path.stat().st_size

    def check(self) -> None:
        """Raise Damaged when the file was deleted, replaced or cut while it was open."""
        try:
            inodes = [os.stat(path).st_ino for path in (self.path, self._wal)]  # noqa: PTH116 - cheapest before each message
        except FileNotFoundError as error:
            msg = f"{error.filename} was deleted"
            raise Damaged(msg) from None
        if inodes != self._inodes:
            msg = "another file was put in its place"
            raise Damaged(msg)
        if self.path.stat().st_size < self._size:
            msg = "it was cut short"
            raise Damaged(msg)

    @contextmanager
    def _one_transaction(self) -> Iterator[None]:
        """All of it is on the medium when this ends, or nothing of it."""
        try:
            with as_damage(), self._db:
                self._db.execute("BEGIN")
                yield
        except BaseException:
            with suppress(sqlite3.Error):
                self.count = self._number("SELECT count(*) FROM outbox")
            raise

    def insert(self, messages: Iterable[Message]) -> None:
        """Write rows durably in one transaction, numbered; a key that waits keeps its content."""
        with self._one_transaction():
            for message in messages:
                self._insert(message)
        self._size = self.path.stat().st_size

    def _insert(self, message: Message) -> None:
        marks = ",".join("?" * len(to_row(message)))
        done = self._db.execute(
            f"INSERT OR IGNORE INTO outbox({COLUMNS}) VALUES ({marks})",  # noqa: S608 - our own names
            to_row(message),
        )
        if not done.rowcount:
            return
        self.count += 1
        self.last_id = max(self.last_id, message.id)
        _, _, state = message.key.partition("/")
        if state == "provisional":
            self._db.execute(
                "INSERT OR REPLACE INTO left_open VALUES (?, ?, ?)",
                (message.call_id, message.line, message.payload),
            )
        else:
            # the call is over, whatever became of it
            self._db.execute("DELETE FROM left_open WHERE call_id = ?", (message.call_id,))

    def adopt(self, rows: list[tuple[str, str, bytes]]) -> None:
        """Take over what another file knew to be left open."""
        self._db.executemany("INSERT OR IGNORE INTO left_open VALUES (?, ?, ?)", rows)

    def left_open(self) -> list[Draft]:
        """Provisional alerts whose call has not ended, whether they were delivered or wait."""
        with as_damage():
            rows = self._db.execute("SELECT call_id, line, payload FROM left_open").fetchall()
        return [Draft("alerts", f"{call}/provisional", line, body) for call, line, body in rows]

    def fill(self, messages: Iterable[Message], after: int) -> None:
        """Write many rows in one transaction, numbered anew over `after`."""
        self.last_id = max(self.last_id, after)
        with self._one_transaction():
            for message in messages:
                self._insert(replace(message, id=self.last_id + 1))

    def read(self, after: int, limit: int, without: Collection[str] = ()) -> list[Message]:
        """Up to `limit` rows with an id over `after`, oldest first, no leaves of `without`."""
        marks = ",".join("?" * len(without))
        sql = (
            f"SELECT {COLUMNS} FROM outbox WHERE id > ? AND leaf NOT IN ({marks})"  # noqa: S608 - our own column names
            " ORDER BY id LIMIT ?"
        )
        with as_damage():
            rows = self._db.execute(sql, (after, *without, limit)).fetchall()
        return [from_row(row) for row in rows]

    def rows(self) -> Iterator[Message]:
        """All whole rows in order, past damaged ones."""
        return whole_rows(self._db)

    def delete(self, keys: Collection[str], tally: str | None = None) -> None:
        """Forget rows by key in one transaction; `tally`: count them there in the same one."""
        with self._one_transaction():
            gone = self._db.executemany(
                "DELETE FROM outbox WHERE key = ?", [(key,) for key in keys]
            ).rowcount
            self.count -= gone
            if tally:
                self._db.execute(
                    "INSERT INTO tally VALUES (?1, ?2)"
                    " ON CONFLICT DO UPDATE SET count = count + ?2",
                    (tally, gone),
                )
        if self._number("PRAGMA freelist_count") > max(_SPARE_PAGES, 2 * self._used_pages()):
            self._shrink()

    def _shrink(self) -> None:
        with as_damage():
            # a script, because execute() stops after the first page
            self._db.executescript("PRAGMA incremental_vacuum")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._remember()

    def tally(self, name: str) -> int:
        """One of the file's own counters."""
        return self._number("SELECT coalesce(sum(count), 0) FROM tally WHERE name = ?", name)

    def stamps(self, after: int, limit: int) -> list[tuple[int, str, Stamp]]:
        """(id, key, when put) of up to `limit` rows with an id over `after`."""
        sql = "SELECT id, key, at, stamp FROM outbox WHERE id > ? ORDER BY id LIMIT ?"
        with as_damage():
            rows = self._db.execute(sql, (after, limit)).fetchall()
        return [(number, key, from_text(at, str(stamp))) for number, key, at, stamp in rows]

    def restamp(self, stamps: dict[int, Stamp]) -> None:
        """Write other stamps, by id, in one transaction."""
        if not stamps:
            return
        with self._one_transaction():
            for number, stamp in stamps.items():
                for old in self.read(number - 1, 1):
                    new = replace(old, at=stamp)
                    self._db.execute(
                        "UPDATE outbox SET at = ?, stamp = ?, crc = ? WHERE id = ?",
                        (new.at.wall, str(new.at), new.crc, new.id),
                    )

    def oldest(self) -> Message | None:
        """The row that has waited longest."""
        return next(iter(self.read(0, 1)), None)

    def least(self, limit: int) -> list[str]:
        """Keys to give up first: alerts whose call's report waits too, then the oldest."""
        sql = """SELECT key FROM outbox AS a ORDER BY NOT (leaf = 'alerts' AND EXISTS (
            SELECT 1 FROM outbox WHERE key = substr(a.key, 1, instr(a.key, '/') - 1))), id
            LIMIT ?"""
        return [key for (key,) in self._db.execute(sql, (limit,))]

    def _used_pages(self) -> int:
        return self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")

    @property
    def size_bytes(self) -> int:
        """What the rows take on the medium."""
        return self._used_pages() * self._number("PRAGMA page_size")

    def close(self) -> None:
        """Fold the WAL into the file and let go of it."""
        self._db.close()
