"""Rows of the spool: their checksum, and how they are read out of a damaged file."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sered.delivery.age import Stamp, from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PAGE = 64
"""Rows that are read at once: little memory beside a large spool."""
_BLIND = 5_000
"""Ids tried behind a bad page at most."""

COLUMNS = "id, key, leaf, line, at, crc, payload, stamp"
_FIRST_COLUMNS = "id, key, leaf, line, at, crc, payload, ''"
"""The same of a file of schema 1."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One payload that is to go to the broker."""

    leaf: str
    """Last level of the topic."""
    key: str
    """`CALL_ID` of a report, `CALL_ID/STATE` of an alert: at most one of each waits."""
    line: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One payload that waits for the broker."""

    id: int
    """Order of arrival; 0 while it is only in memory."""
    key: str
    """`CALL_ID` of a report, `CALL_ID/STATE` of an alert: at most one of each waits."""
    leaf: str
    """Last level of the topic."""
    line: str
    at: Stamp
    """When it was put."""
    payload: bytes = field(repr=False)

    @property
    def call_id(self) -> str:
        """Of the call that it is about."""
        return call_id(self.key)

    @property
    def crc(self) -> int:
        """CRC-32 of all that is delivered: SQLite itself does not notice a flipped bit in a row."""
        # the columns of schema 1, so that a sered from before the stamps reads what we wrote
        head = f"{self.key}\0{self.leaf}\0{self.line}\0{self.at.wall!r}"
        return zlib.crc32(self.payload, zlib.crc32(head.encode()))


class Damaged(Exception):  # noqa: N818 - a finding about the file, not a fault of the program
    """The file is not what was written to it; `str()` says how that showed."""


def call_id(key: str) -> str:
    """The call's part of a key."""
    return key.partition("/")[0]


def code(error: Exception) -> int:
    """SQLite's primary result code; 0 where the error came from the Python side."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def to_row(message: Message) -> tuple[object, ...]:
    """The values of COLUMNS."""
    m = message
    return (m.id, m.key, m.leaf, m.line, m.at.wall, m.crc, m.payload, str(m.at))


def from_row(row: tuple[Any, ...]) -> Message:
    """The message in a row of COLUMNS; raises Damaged where its checksum is wrong."""
    number, key, leaf, line, at, crc, payload, stamp = row
    whole = isinstance(payload, bytes) and isinstance(at, float)
    message = Message(number, key, leaf, line, from_text(at, str(stamp)), payload)
    if not whole or message.crc != crc:
        msg = f"row {number} is not what was written"
        raise Damaged(msg)
    return message


@contextmanager
def as_damage() -> Iterator[None]:
    """Turn SQLite's findings of corruption into Damaged; other errors pass."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # text that is no UTF-8 is found by Python, which gives no code
        undecodable = isinstance(error, sqlite3.OperationalError | ValueError) and not code(error)
        if undecodable or code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(str(error)) from error
        raise


def whole_rows(db: sqlite3.Connection) -> Iterator[Message]:
    """Every whole row: as they lie, and where that breaks off, by number; some come twice."""
    cursor = db.cursor()
    columns = COLUMNS if _has_stamps(db) else _FIRST_COLUMNS
    try:
        cursor.execute(f"SELECT {columns} FROM outbox")  # noqa: S608 - our own column names
        while rows := cursor.fetchmany(_PAGE):
            yield from _whole(rows)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if code(error) not in (0, sqlite3.SQLITE_CORRUPT):
            return
    else:
        return
    finally:
        # an open cursor would keep the damaged file locked
        cursor.close()
    yield from _rows_by_number(db, columns)


def _has_stamps(db: sqlite3.Connection) -> bool:
    """Whether the file is of schema 2 or later, as far as it tells."""
    try:
        return any(row[1] == "stamp" for row in db.execute("PRAGMA table_info(outbox)"))
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return True


def _rows_by_number(db: sqlite3.Connection, columns: str) -> Iterator[Message]:
    after, last, page = 0, None, _PAGE
    while last is None or after < last:
        sql = f"SELECT {columns} FROM outbox WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - our own names
        try:
            rows = db.execute(sql, (after, page)).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            # a bad page: try behind it, one number after the other
            if page == 1:
                last = last or _last_readable(db, after)
                after += 1
            page = 1
            continue
        if not rows:
            return
        page = _PAGE
        # in a damaged tree numbers may run backwards, for ever
        after = max(after + 1, *(row[0] for row in rows))
        yield from _whole(rows)


def _whole(rows: Iterable[tuple[Any, ...]]) -> Iterator[Message]:
    for row in rows:
        with suppress(Damaged):
            yield from_row(row)


def _last_readable(db: sqlite3.Connection, after: int) -> int:
    with suppress(sqlite3.Error, TypeError, ValueError):
        last = int(db.execute("SELECT max(id) FROM outbox").fetchone()[0])
        return min(last, after + _BLIND)
    return after + _BLIND
