"""Opens the store by its URL and gives out transactions: readers side by side, writers in turn."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from sered.central.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

_BUSY_S = 10.0
"""How long another process may hold SQLite's write lock before we say so."""
_POOL = 12
PATIENCE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""libpq's: a PostgreSQL or a balancer that went without a word is given up within 11 s (s, ms).

Without, a query on such a connection waits a quarter of an hour for TCP.
"""
_WRITES = "sered_writes"
_WANTED = "[store] url: wanted sqlite:////PATH or postgresql://USER@HOST/NAME, found something else"


class Store:
    """The database behind `url`.

    Transactions are context managers: `with store.reading() as connection` and
    `with store.writing() as connection`. Leaving `writing` without an exception has committed.
    Both raise StoreError when the database is away, full, locked or damaged; nothing is
    changed then. With SQLite one thread writes at a time and takes the write lock at once: a
    transaction that reads first and writes later would fail under load however long it waits.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        self._engine = _open(url, password)
        self.dialect = self._engine.dialect.name
        self._turn = threading.Lock()

    @property
    def engine(self) -> Engine:
        """For migrations and tools; everything else takes a transaction."""
        return self._engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store and changes nothing."""
        with _said(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or never happened."""
        turn = self._turn if self.dialect == "sqlite" else contextlib.nullcontext()
        with turn, _said(), self._engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


def _open(url: str, password: str | None) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if password:
            parsed = parsed.set(password=password)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{_WANTED} ({error}).", "url") from None
    if parsed.drivername != "postgresql+psycopg":
        raise StoreError(f"{_WANTED} ({parsed.drivername}).", "url")
    return create_engine(
        parsed,
        pool_size=_POOL,
        pool_pre_ping=True,
        pool_timeout=_BUSY_S,
        connect_args={**PATIENCE, "application_name": "sered-central"},
    )


def _sqlite(url: Any) -> Engine:
    engine = create_engine(
        url, pool_size=_POOL, connect_args={"timeout": _BUSY_S, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _prepare(raw: DBAPIConnection, _record: object) -> None:
        assert isinstance(raw, sqlite3.Connection)
        # the driver's own habit of beginning late is what breaks read-then-write
        raw.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "journal_size_limit=67108864",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Every failure of the database as a sentence."""
    try:
        yield
    except DBAPIError as error:
        raise _sentence(error) from error
    except SQLAlchemyError as error:
        msg = f"The store does not answer: {_first_line(error)}. Is the database overloaded?"
        raise StoreError(msg, "away") from error


_SAYS = (
    (("full", "no space"), "full", "The store's disk is full ({}). Make room; nothing is lost."),
    (
        ("deadlock", "could not serialize"),
        "busy",
        "The store gave this up for another one who wanted the same rows ({}). Try again.",
    ),
    (
        ("lock timeout",),
        "busy",
        "Others hold what this needs of the store ({}): a backup, or a long question. Try again.",
    ),
    (("locked",), "locked", "The store is locked by another program ({}). Is a backup running?"),
    (
        ("no such table", "no such column", "does not exist"),
        "schema",
        "The store's tables are not those of this version ({}). Run: sered central init",
    ),
    (
        ("malformed", "not a database"),
        "broken",
        "The store is damaged ({}). Restore the last backup.",
    ),
    (("unable to open",), "away", "The store cannot be opened ({}). Check [store] url."),
)
"""What a database says, our word for it, and the sentence."""


def _sentence(error: DBAPIError) -> StoreError:
    said = _first_line(error.orig or error)
    for signs, reason, sentence in _SAYS:
        if any(sign in said.lower() for sign in signs):
            return StoreError(sentence.format(said), reason)
    if error.connection_invalidated or _is_outage(error):
        return StoreError(f"The database does not answer ({said}). Is it running?", "away")
    return StoreError(f"The store refuses this ({said}).")


def _is_outage(error: DBAPIError) -> bool:
    # class 08 and 57P: connection lost, server shut down or starting
    code = getattr(error.orig, "sqlstate", None) or ""
    return type(error).__name__ in {"OperationalError", "InterfaceError"} or code[:2] in {
        "08",
        "57",
        "53",
    }


def _first_line(error: BaseException) -> str:
    return (next(iter(str(error).splitlines()), "") or type(error).__name__).strip().rstrip(".")
