"""Brings the store's tables to this version and back, with Alembic as a library.

While hosts are brought up one after the other, and on the way back, a program stands beside tables
that are newer than its own: the tables say from which version on they can be used.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import delete, insert, inspect, select, text

from sered.central.errors import StoreError
from sered.central.store.tables import usable_from

if TYPE_CHECKING:
    from alembic.script import Script
    from sqlalchemy import Connection

    from sered.central.store.engine import Store

SCRIPTS = Path(__file__).parent / "migrations"
USABLE = "usable_from"
"""In a migration: the oldest version whose programs can use the tables that it leaves."""
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 10.0, 10.0)
"""Between tries to get the tables for oneself; writers go on meanwhile."""
_HOLDS_UP = "3s"
"""So long may a try hold up who writes, while it waits for a backup or a long question to end."""
_MIGRATES = 7_403_514
"""PostgreSQL's advisory lock of the one who changes tables; two hosts may be brought up at once."""


def upgrade(store: Store, to: str = "head") -> None:
    """Run the migrations that are missing, all or none; tables that are newer are left alone.

    Raises StoreError; `busy`: others hold what it wants, and it tried for a minute.
    """
    for pause_s in (*PAUSES_S, None):
        try:
            _run(store, to, up=True)
        except StoreError as error:
            if error.reason != "busy" or pause_s is None:
                raise
            time.sleep(pause_s)
        else:
            return


def downgrade(store: Store, to: str) -> None:
    """Take migrations back to revision `to`; `base` leaves an empty store. Raises StoreError."""
    _run(store, to, up=False)


def current(store: Store) -> str | None:
    """The revision of the store's tables; None: it is empty. Raises StoreError."""
    with store.reading() as connection:
        return _found(connection)


def wanted() -> str:
    """The revision that this version of central needs."""
    head = _scripts().get_current_head()
    assert head
    return head


def history() -> list[Script]:
    """Every migration, the first one first."""
    return list(_scripts().walk_revisions())[::-1]


def usable() -> str:
    """The oldest revision whose programs can use the tables of this version."""
    scripts = history()
    # revisions are numbers of one length
    return max(getattr(script.module, USABLE, scripts[0].revision) for script in scripts)


def is_newer(store: Store) -> bool:
    """Whether the tables are of a later version than this one, and bear it.

    Raises StoreError where they do not bear it.
    """
    with store.reading() as connection:
        return _is_newer(connection)


def check(store: Store) -> None:
    """Raise StoreError where this version cannot use the tables."""
    found, need = current(store), wanted()
    if found != need and not is_newer(store):
        msg = f"The store's tables are of version {found or 'none'}; this central needs {need}."
        raise StoreError(f"{msg} Run: sered central init", "schema")


def _is_newer(connection: Connection) -> bool:
    found = _found(connection)
    if found is None or _knows(found):
        return False
    oldest = None
    if inspect(connection).has_table(usable_from.name):
        oldest = connection.scalar(select(usable_from.c.revision))
    if oldest is None or not _knows(oldest):
        msg = (
            f"The store's tables are of version {found}, which this central ({wanted()}) cannot"
            " use. Bring this host up to the version that the other hosts have."
        )
        raise StoreError(msg, "schema")
    return True


def _found(connection: Connection) -> str | None:
    _quiet()
    return MigrationContext.configure(connection).get_current_revision()


def _knows(revision: str) -> bool:
    try:
        return bool(_scripts().get_revision(revision))
    except CommandError:
        return False


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def _quiet() -> None:
    # it announces every connection
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _run(store: Store, to: str, *, up: bool) -> None:
    _quiet()
    config = _config()
    with store.writing() as connection:
        if store.dialect == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{_HOLDS_UP}'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATES})"))
        if up and _is_newer(connection):
            return
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)
        if up and inspect(connection).has_table(usable_from.name):
            connection.execute(delete(usable_from))
            connection.execute(insert(usable_from).values(revision=usable()))
