"""Fixtures of central's tests: both databases, a clock that stands, people."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from central_stage import CONFIGURATION, KEY, Clock, Postgres, actor
from sered.central.context import Central
from sered.central.settings import CentralSettings
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sered.central.people import Actor, Role


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server."""
    with tempfile.TemporaryDirectory(prefix="sered-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Postgres(folder)
        yield server
        server.stop("immediate")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store: once a SQLite file, once a PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/central.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def clock() -> Clock:
    """Wednesday, 4 March 2026, 10:00 UTC."""
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store with its tables, to be copied: making them takes longer than many a test."""
    path = tmp_path_factory.mktemp("migrated") / "central.db"
    store = Store(f"sqlite:///{path}")
    migrate.upgrade(store)
    store.close()
    return path


@pytest.fixture
def make_central(clock: Clock, store_url: str, migrated: Path) -> Iterator[Callable[..., Central]]:
    """Builds a central on a migrated store: `make_central(cases={...})` lays settings over."""
    opened: list[Store] = []
    place = Path(store_url.removeprefix("sqlite:///"))
    if store_url.startswith("sqlite:") and not place.exists():
        shutil.copy(migrated, place)

    def make(**over: Any) -> Central:
        settings = CentralSettings.model_validate(CONFIGURATION | over)
        store = Store(store_url)
        opened.append(store)
        migrate.upgrade(store)
        return Central(settings, store, Vault(KEY), clock)

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def central(make_central: Callable[..., Central]) -> Central:
    """Central on each of the two databases, its tables made."""
    return make_central()


@pytest.fixture
def person(central: Central) -> Callable[..., Actor]:
    """Makes somebody: `person("ann")`, `person("lea", Role.LEAD, teams=["billing"])`."""

    def make(login: str, *roles: Role, teams: tuple[str, ...] = ("recovery",)) -> Actor:
        return actor(central, login, *roles, teams=teams)

    return make
