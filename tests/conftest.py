"""Fixtures that every part's tests may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from broker import Broker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The corpora beside the project; a test that needs them is skipped without, never in CI."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        reason = f"needs the corpora in {folder}, which is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts real Mosquittos: `start_broker(passwords=..., acl=..., tls=..., extra=...)`."""
    running: list[Broker] = []

    def start(**options: Any) -> Broker:
        broker = Broker(tmp_path / f"broker{len(running)}", **options)
        running.append(broker)
        return broker.start()

    yield start
    for broker in running:
        broker.stop()


@pytest.fixture
def broker(start_broker: Callable[..., Broker]) -> Broker:
    """A real Mosquitto on a free port of the loopback interface, open to everybody."""
    return start_broker()
