"""Hosts brought up one after the other: what two versions of central need to share one store."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

import next_version
import table_changes
from broker import wait_until
from central_boxes import arrived, calls, count
from sered.central.errors import StoreError
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import migrate, tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from central_stage import Clock, Postgres
    from sered.central.context import Central

_FIRST = 10
"""0011: what came before it nobody runs any more."""
_TOLD = {migrate.USABLE: table_changes.lost, "holds_up_writers": table_changes.holds_up}
"""What a migration says of itself, and what shows that it must."""
on_postgres = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture
def brought_up(
    central: Central, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Another host, with the next version, changes the tables: `brought_up(STRANDING, ...)`."""

    def bring(*steps: str, strands: bool = False) -> None:
        theirs = tmp_path / "migrations"
        shutil.copytree(migrate.SCRIPTS, theirs, ignore=shutil.ignore_patterns("__pycache__"))
        next_version.add_migration(theirs, *steps, strands=strands)
        with monkeypatch.context() as other_host:
            other_host.setattr(migrate, "SCRIPTS", theirs)
            migrate.upgrade(central.store)
            assert migrate.current(central.store) == next_version.REVISION

    return bring


def waits(central: Central) -> bool:
    """Whether somebody waits for a lock."""
    with central.store.reading() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def _take(central: Central, intake: Intake, clock: Clock, n: int) -> None:
    intake.take([arrived(messages.report(call)) for call in calls(clock, n)])
    assert count(central, tables.set_aside) == 0


@on_postgres
def test_a_version_runs_beside_tables_that_were_added_to(
    central: Central, clock: Clock, brought_up: Callable[..., None]
) -> None:
    """What runs takes calls on, what starts anew starts, and neither touches the newer tables."""
    intake = Intake(central)
    for n in range(1, 8):
        # the driver prepares what is asked often, and tables change below that
        _take(central, intake, clock, n)
    brought_up()
    for n in range(8, 11):
        _take(central, intake, clock, n)
    assert count(central, tables.call) == 10
    migrate.check(central.store)
    migrate.upgrade(central.store)
    assert migrate.current(central.store) == next_version.REVISION
    assert migrate.is_newer(central.store)


@on_postgres
def test_tables_that_a_version_cannot_use_cost_no_call(
    central: Central, clock: Clock, brought_up: Callable[..., None]
) -> None:
    """A store that refuses calls for what the tables have become keeps them at the broker."""
    brought_up(next_version.STRANDING, strands=True)
    with pytest.raises(StoreError, match="Bring this host up") as caught:
        _take(central, Intake(central), clock, 3)
    assert caught.value.reason == "schema"
    assert count(central, tables.set_aside) == 0
    for asks in (migrate.check, migrate.upgrade):
        with pytest.raises(StoreError, match=f"{next_version.REVISION}, which this central"):
            asks(central.store)


@on_postgres
def test_two_hosts_brought_up_at_once_change_the_tables_once(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, and finds its work done."""
    monkeypatch.setattr(migrate, "PAUSES_S", (0.2,) * 100)
    stores = [Store(store_url) for _ in range(2)]
    said: list[StoreError] = []

    def bring(store: Store) -> None:
        try:
            migrate.upgrade(store)
        except StoreError as error:
            said.append(error)

    hosts = [threading.Thread(target=bring, args=(store,)) for store in stores]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(120.0)
    assert said == []
    migrate.check(stores[0])
    for store in stores:
        store.close()


@on_postgres
def test_a_backup_that_runs_holds_up_no_writer_for_long(
    central: Central,
    clock: Clock,
    brought_up: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tables that somebody reads all the while stay as they are, and that is said."""
    monkeypatch.setattr(migrate, "PAUSES_S", ())
    said: list[str] = []

    def change() -> None:
        try:
            brought_up()
        except StoreError as error:
            said.append(str(error))

    changing = threading.Thread(target=change)
    with central.store.reading() as backup:
        backup.execute(text("SELECT count(*) FROM call"))
        changing.start()
        wait_until(lambda: waits(central), 60.0, "the change to wait for the backup")
        # now this waits for the change, which gives up
        _take(central, Intake(central), clock, 2)
        changing.join(60.0)
    assert len(said) == 1
    assert "a backup" in said[0]
    assert migrate.current(central.store) == migrate.wanted()
    assert count(central, tables.call) == 2


def test_each_change_of_tables_is_borne_by_the_version_before_or_says_why_not(
    postgres: Postgres,
) -> None:
    """What a program reads and writes, it can one version later, and at once; else that is said."""
    store = Store(postgres.database())
    stranded, unsaid = set[str](), list[str]()
    before = None
    for script in migrate.history()[_FIRST:]:
        migrate.upgrade(store, script.revision)
        with store.reading() as connection:
            after = table_changes.described(connection)
        for told, find in _TOLD.items():
            found: list[str] = find(before, after) if before else []
            if found and told == migrate.USABLE:
                stranded.add(script.revision)
            if found and not hasattr(script.module, told):
                unsaid += [f"{script.revision}, {told}: {each}" for each in found]
        before = after
    store.close()
    assert unsaid == [], unsaid
    # a check that finds nothing would find nothing here, too
    assert "0012" in stranded


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE device DROP COLUMN rtf CASCADE", "device.rtf is gone"),
        ("ALTER TABLE call ALTER COLUMN end_reason TYPE varchar(8)", "call.end_reason"),
        ("ALTER TABLE call ADD COLUMN floor integer NOT NULL", "call.floor must be filled"),
        ("ALTER TABLE call ALTER COLUMN score SET NOT NULL", "call.score"),
        ("CREATE UNIQUE INDEX one ON device (queue)", "new rule"),
        ("ALTER TABLE device ADD CHECK (rtf < 1)", "new rule"),
        ("ALTER TABLE set_aside DROP CONSTRAINT pk_set_aside", "no key"),
        ("ALTER TABLE device ADD COLUMN drawn float DEFAULT random()", "written anew"),
        ("CREATE INDEX soon ON call (score)", "index soon"),
        ("DROP VIEW bi_boxes", "bi_boxes"),
    ],
)  # fmt: skip
def test_what_takes_something_away_is_found(tables_here: Store, change: str, said: str) -> None:
    """A column lost or narrowed, a rule or a duty more, a table written anew: each is named."""
    with tables_here.engine.connect() as connection:
        before = table_changes.described(connection)
        connection.execute(text(change))
        after = table_changes.described(connection)
        connection.rollback()
    found = [each for find in _TOLD.values() for each in find(before, after)]
    assert [each for each in found if said in each], found
    assert [each for find in _TOLD.values() for each in find(after, after)] == []


@pytest.fixture(scope="module")
def tables_here(postgres: Postgres) -> Iterator[Store]:
    """A store with its tables, for changes that are taken back."""
    store = Store(postgres.database())
    migrate.upgrade(store)
    yield store
    store.close()
