"""Old recordings in central: the same calls, once, and nobody is alarmed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from central_boxes import unhappy
from sered.central import archive
from sered.central.errors import InputError
from sered.central.simulate import messages
from sered.central.store.tables import call, call_cause, cases

if TYPE_CHECKING:
    from pathlib import Path

    from central_stage import Clock
    from sered.central.context import Central


def lines(folder: Path, *texts: str) -> Path:
    """A folder as `sered analyze --out` leaves it."""
    (folder / "calls.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return folder


def line(clock: Clock, number: int) -> str:
    """The line of one old, unhappy call."""
    true = unhappy(clock, number=f"+49301{number}")
    said = json.loads(messages.report(true).model_dump_json(by_alias=True))
    said["call_id"] = f"archive-{number}"
    old = {"started_at": "2019-05-06T10:00:00Z", "ended_at": "2019-05-06T10:01:00Z"}
    return json.dumps({"file": "a.wav", "error": None, "calls": [said | old]})


def test_calls_of_an_archive_are_stored_once_and_raise_no_case(
    central: Central, clock: Clock, tmp_path: Path
) -> None:
    """Their own times and ids, marked; imported twice they are there once."""
    folder = lines(tmp_path, line(clock, 1), line(clock, 2))
    assert archive.take(central, folder).new == 2
    again = archive.take(central, folder)
    assert (again.new, again.known) == (0, 2)
    with central.store.reading() as connection:
        rows = connection.execute(select(call)).all()
        assert connection.scalar(select(func.count()).select_from(cases)) == 0
        assert connection.execute(select(call_cause)).first() is not None
    assert {row.archived for row in rows} == {True}
    assert {row.ended_at for row in rows} == {datetime(2019, 5, 6, 10, 1, tzinfo=UTC)}


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(
    central: Central, clock: Clock, tmp_path: Path
) -> None:
    """Broken lines and reports of another kind are counted; nothing else is lost."""
    other = json.dumps({"calls": [{"schema": "sered.call/9"}, "x"]})
    folder = lines(tmp_path, "no json", line(clock, 1), other, "[1]")
    taken = archive.take(central, folder)
    assert (taken.new, taken.refused) == (1, 4)
    assert taken.faults[0].startswith("line 1 ")


def test_a_folder_of_something_else_is_refused(central: Central, tmp_path: Path) -> None:
    """One sentence that says what was wanted."""
    with pytest.raises(InputError, match="wanted a folder of `sered analyze --out`"):
        archive.take(central, tmp_path)
