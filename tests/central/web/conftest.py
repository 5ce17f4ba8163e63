"""A board that really answers, people who may come in, and a real Chromium that looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from board_stage import Look, Served
from central_stage import CONFIGURATION, KEY, Clock
from sered.central.context import Central, utc_now
from sered.central.settings import CentralSettings
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serves a board on a store of its own: `served(cases={...})` lays settings over."""
    running: list[Served] = []

    def serve(clock: Clock | None = None, url: str = "", **over: Any) -> Served:
        settings = CentralSettings.model_validate(CONFIGURATION | {"web": {"port": 0}} | over)
        store = Store(url or f"sqlite:///{tmp_path}/board{len(running)}.db")
        migrate.upgrade(store)
        central = Central(settings, store, Vault(KEY), clock or utc_now)
        running.append(Served(central))
        return running[-1]

    yield serve
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def look(chromium: Browser) -> Iterator[Callable[..., Look]]:
    """Opens a window at a board as somebody: `look(board, "ann")`; faults of its script fail."""
    opened: list[Look] = []

    def open_window(board: Served, login: str | None = None, **options: Any) -> Look:
        opened.append(Look(chromium, board, **options))
        if login:
            opened[-1].log_in(login)
        return opened[-1]

    yield open_window
    for each in opened:
        each.close()
    assert [fault for each in opened for fault in each.faults] == []


@pytest.fixture
def board_once() -> list[Served]:
    """One board for all examples of a property."""
    return []
