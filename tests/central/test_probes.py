"""`sered diagnose --central`: each part of a central is looked at, each fault has its remedy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from sered.central import configuration
from sered.central.context import open_central
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from broker import Broker
    from project import Ended


@pytest.fixture
def config(tmp_path: Path, broker: Broker, sered: Callable[..., Ended]) -> Path:
    """A configuration with its key and its tables."""
    path = tmp_path / "central.toml"
    path.write_text(
        f'[source]\nport = {broker.port}\n[store]\nurl = "sqlite:///{tmp_path}/central.db"\n'
        '[[team]]\nname = "recovery"\n[[team.step]]\nchannel = "chat"\n'
        '[[channel]]\nname = "chat"\nkind = "webhook"\nurl = "http://localhost:1/"\n'
    )
    assert sered("central", "init", "--config", path).status == 0
    return path


def _found(sered: Callable[..., Ended], config: Path) -> dict[str, tuple[str, str]]:
    said = json.loads(sered("diagnose", "--central", "--json", "--config", config).out)
    return {each["id"]: (each["mark"], each["found"]) for each in said["checks"]}


def test_a_central_that_is_well_has_no_failure(sered: Callable[..., Ended], config: Path) -> None:
    """Key, store, tables, disk, broker, channels and backlog are in order."""
    found = _found(sered, config)
    for name in ("key", "store", "schema", "disk", "broker", "channels", "backlog"):
        assert found[f"central.{name}"][0] == "ok", found
    assert found["central.boxes"] == ("warn", "no box was ever heard of")


def test_each_fault_is_found(sered: Callable[..., Ended], config: Path, broker: Broker) -> None:
    """A broker that is gone, a channel that is down, and a backlog are each named."""
    broker.stop()
    central = open_central(configuration.load(config))
    old = datetime.now(UTC) - timedelta(hours=1)
    with central.store.writing() as connection:
        down = {"channel": "chat", "down_since": old, "error": "no"}
        connection.execute(insert(tables.channel_state).values(**down))
        waiting = {"step": 0, "channel": "chat", "dedupe": "x", "created": old, "due": old}
        connection.execute(insert(tables.outbox).values(**waiting))
    central.store.close()
    found = _found(sered, config)
    assert {each for each in found if found[each][0] == "fail"} >= {
        "central.broker", "central.channels", "central.backlog",
    }  # fmt: skip
    assert "is not running" in found["central.broker"][1]
    assert "down: chat since" in found["central.channels"][1]


def test_without_a_key_nothing_else_is_asked(sered: Callable[..., Ended], config: Path) -> None:
    """The first check fails with what to do, the rest are skipped and say why."""
    (config.parent / "central-key").unlink()
    found = _found(sered, config)
    assert found["central.key"][0] == "fail"
    assert "sered central init" in found["central.key"][1]
    assert found["central.store"][0] == "skip"
