"""The store: migrations both ways, transactions that are whole or nothing, outages as sentences."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select

from sered.central.errors import StoreError
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.store.tables import metadata, set_aside

if TYPE_CHECKING:
    from pathlib import Path

    from central_stage import Clock, Postgres
    from sered.central.context import Central


def _ours(found: object, *_: object) -> bool:
    # PostgreSQL repeats a reference for each partition
    elements = getattr(found, "elements", [])
    return not any(each.target_fullname.startswith("sered_months.") for each in elements)


def test_migrations_make_the_tables_and_take_them_back(store_url: str) -> None:
    """The migrations make exactly the declared tables, and undone leave none of them."""
    store = Store(store_url)
    assert migrate.current(store) is None
    migrate.upgrade(store)
    assert migrate.current(store) == migrate.wanted()
    with store.reading() as connection:
        opts = {"compare_type": True, "include_object": _ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    migrate.downgrade(store, "base")
    with store.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    store.close()


def test_each_migration_goes_both_ways(store_url: str) -> None:
    """Every single migration can be taken back and run again."""
    store = Store(store_url)
    migrate.upgrade(store)
    for revision in ("0006", "0003", "0002", "0001"):
        migrate.downgrade(store, revision)
        assert migrate.current(store) == revision
    migrate.upgrade(store)
    migrate.check(store)
    store.close()


def test_a_store_of_another_version_is_named(store_url: str) -> None:
    """A store without tables is refused with what to run."""
    store = Store(store_url)
    with pytest.raises(StoreError, match="sered central init"):
        migrate.check(store)
    store.close()


def test_a_transaction_that_fails_never_happened(central: Central, clock: Clock) -> None:
    """What was written before an exception is not there afterwards."""
    row = {"reason": "x", "n": 1, "first": clock(), "last": clock()}

    def write_twice() -> None:
        with central.store.writing() as connection:
            connection.execute(insert(set_aside).values(**row))
            connection.execute(insert(set_aside).values(**row))

    with pytest.raises(StoreError, match="refuses"):
        write_twice()
    with central.store.reading() as connection:
        assert connection.execute(select(set_aside)).all() == []


def test_times_come_back_in_utc(central: Central, clock: Clock) -> None:
    """A moment comes back as it was written, with its zone."""
    row = {"reason": "x", "n": 1, "first": clock(), "last": clock()}
    with central.store.writing() as connection:
        connection.execute(insert(set_aside).values(**row))
    with central.store.reading() as connection:
        (back,) = connection.scalars(select(set_aside.c.first))
    assert back == clock()
    assert back.utcoffset().total_seconds() == 0


def test_many_writers_take_turns(central: Central, clock: Clock) -> None:
    """Eight threads that read and then write lose nothing and are never refused."""

    def count() -> None:
        for _ in range(20):
            with central.store.writing() as connection:
                query = select(set_aside).where(set_aside.c.reason == "n").with_for_update()
                row = connection.execute(query).one()
                connection.execute(
                    set_aside.update().where(set_aside.c.reason == "n").values(n=row.n + 1)
                )

    with central.store.writing() as connection:
        row = {"reason": "n", "n": 0, "first": clock(), "last": clock()}
        connection.execute(insert(set_aside).values(**row))
    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with central.store.reading() as connection:
        assert list(connection.scalars(select(set_aside.c.n))) == [160]


def test_a_server_that_is_away_is_a_sentence(postgres: Postgres) -> None:
    """A PostgreSQL that stops is named `away`, and is used again when it is back."""
    store = Store(postgres.database())
    migrate.upgrade(store)
    postgres.stop("immediate")
    try:
        with pytest.raises(StoreError, match="does not answer") as caught, store.reading():
            pytest.fail("there is no server")
        assert caught.value.reason == "away"
    finally:
        postgres.start()
    migrate.check(store)
    store.close()


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    """A file that is no database is named, and what to do."""
    path = tmp_path / "central.db"
    path.write_bytes(b"not a database at all" * 100)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="Restore the last backup"):
        migrate.upgrade(store)
    store.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite:////nonexistent/dir/x.db"])
def test_a_url_that_cannot_be_used_is_a_sentence(url: str) -> None:
    """An unusable URL is a StoreError, never a traceback of a library."""
    with pytest.raises(StoreError):
        migrate.upgrade(Store(url))
