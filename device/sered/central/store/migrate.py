"""Brings the store's tables to this version and back, with Alembic as a library."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sered.central.errors import StoreError

if TYPE_CHECKING:
    from sered.central.store.engine import Store


def upgrade(store: Store, to: str = "head") -> None:
    """Run the migrations that are missing, each in its own transaction; raises StoreError."""
    _run(store, to, up=True)


def downgrade(store: Store, to: str) -> None:
    """Take migrations back to revision `to`; `base` leaves an empty store. Raises StoreError."""
    _run(store, to, up=False)


def current(store: Store) -> str | None:
    """The revision of the store's tables; None: it is empty. Raises StoreError."""
    _quiet()
    with store.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def wanted() -> str:
    """The revision that this version of central needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head
    return head


def check(store: Store) -> None:
    """Raise StoreError where the tables are not those of this version."""
    found, need = current(store), wanted()
    if found != need:
        msg = f"The store's tables are of version {found or 'none'}; this central needs {need}."
        raise StoreError(f"{msg} Run: sered central init", "schema")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _quiet() -> None:
    # it announces every connection
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _run(store: Store, to: str, *, up: bool) -> None:
    _quiet()
    config = _config()
    with store.writing() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)
