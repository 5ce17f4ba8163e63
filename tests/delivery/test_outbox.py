"""A call's report and its alert are one thing, and no alert stays open for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from chaos.box import report
from sered.contract.messages import Alert
from sered.delivery.outbox import draft, ends_of
from sered.delivery.spool import Spool
from sered.settings import SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)

DYING = """
import os, sys
from pathlib import Path
from sered.delivery.spool import Spool
from sered.delivery.spool_row import Draft
from sered.settings import SpoolSettings

spool = Spool(SpoolSettings(path=Path(sys.argv[1])))
left = int(sys.argv[2])

def step(statement):
    global left
    left -= 1
    if left < 0:
        os._exit(9)

spool._file._db.set_trace_callback(step)
spool.put_all([Draft("calls", "c", "l", b"report"), Draft("alerts", "c/confirmed", "l", b"alert")])
os._exit(0)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    yield spool
    spool.close()


def alert(state: str, number: int = 1) -> Alert:
    call = report(number)
    return Alert.model_validate(
        {
            **{name: getattr(call, name) for name in ("call_id", "site", "device", "line")},
            "state": state,
            "at": NOW,
            "started_at": call.started_at,
            "score": -0.9,
            "confidence": 0.9,
            "causes": ("waiting",),
            "terms": (),
        }
    )


@pytest.mark.slow
def test_report_and_alert_are_one_transaction(tmp_path: Path) -> None:
    """Killed at any moment, a box has a call's report and its alert, or neither."""
    found = []
    for step in range(12):
        path = tmp_path / f"spool{step}.db"
        command = [sys.executable, "-c", DYING, str(path), str(step)]
        ended = subprocess.run(command, check=False).returncode
        spool = Spool(SpoolSettings(path=path))
        keys = [message.key for message in spool.peek(9)]
        spool.close()
        assert keys in ([], ["c", "c/confirmed"])
        found.append((ended, len(keys)))
        if ended == 0:
            break
    assert found[0] == (9, 0)
    assert found[-1] == (0, 2)
    assert len(found) > 4, "there are steps to die between"


def test_a_provisional_alert_that_a_kill_left_open_is_ended(spool: Spool, tmp_path: Path) -> None:
    """It is confirmed at the next start, though the broker has long taken it; and only once."""
    spool.put_all([draft(alert("provisional"))])
    spool.done([f"{alert('provisional').call_id}/provisional"])
    spool.close()
    again = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    again.put_all(ends_of(again.left_open(), NOW))
    (waiting,) = again.peek(9)
    said = json.loads(waiting.payload)
    assert waiting.key.endswith("/confirmed")
    assert (said["state"], said["at"]) == ("confirmed", "2026-11-28T12:00:00Z")
    assert (said["score"], said["causes"]) == (-0.9, ["waiting"])
    Alert.model_validate_json(waiting.payload)
    assert again.left_open() == []
    again.close()


@pytest.mark.parametrize("state", ["confirmed", "withdrawn", None])
def test_an_alert_whose_call_ended_is_not_left_open(spool: Spool, state: str | None) -> None:
    """What a call's end said, or its report alone, ends the matter."""
    spool.put_all([draft(alert("provisional")), draft(alert("provisional", 2))])
    assert len(spool.left_open()) == 2
    spool.put_all([draft(report(1)), *([draft(alert(state))] if state else [])])
    assert [each.key for each in spool.left_open()] == ["call-0000002/provisional"]


def test_a_damaged_spool_still_knows_what_is_open(spool: Spool, tmp_path: Path) -> None:
    """Mending a file takes over the alerts that are open."""
    spool.put_all([draft(alert("provisional")), draft(report(7))])
    spool.done(["call-0000001/provisional"])
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    content[content.index(b'"call_id":"call-0000007"') + 200] ^= 1
    path.write_bytes(content)
    again = Spool(SpoolSettings(path=path))
    assert again.peek(9) == []
    assert again.state.name == "set_aside"
    assert [each.key for each in again.left_open()] == ["call-0000001/provisional"]
    again.close()
