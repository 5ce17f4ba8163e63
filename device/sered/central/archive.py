"""Takes in what `sered analyze --out` made of old recordings: the same calls, and no alarm."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sered.central.errors import InputError
from sered.central.ingest import sifting
from sered.central.store import upsert
from sered.central.store.tables import call, call_cause, call_report
from sered.contract.reading import SetAside, read
from sered.contract.topics import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from sered.central.context import Central
    from sered.contract.messages import CallReport

_AT_ONCE = 500
_MOST_NAMED = 5


@dataclass(slots=True)
class Taken:
    """What came of an import."""

    new: int = 0
    known: int = 0
    """Calls that were there already: an import may be repeated."""
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    """The first of those that could not be used."""


def take(central: Central, path: Path) -> Taken:
    """Store the calls of a folder with calls.jsonl, or of such a file.

    They are marked as archived: no case is opened and nobody is told, however unhappy. Raises
    InputError where there is nothing to read.
    """
    file = path / "calls.jsonl" if path.is_dir() else path
    if not file.is_file():
        msg = f"{path}: wanted a folder of `sered analyze --out`, or its calls.jsonl; found none."
        raise InputError(msg)
    taken = Taken()
    batch: list[tuple[CallReport, bytes]] = []
    for found in _reports(file, taken):
        batch.append(found)
        if len(batch) >= _AT_ONCE:
            _store(central, batch, taken)
            batch = []
    _store(central, batch, taken)
    central.cases_bell.ring()
    return taken


def _reports(file: Path, taken: Taken) -> Iterator[tuple[CallReport, bytes]]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                calls = json.loads(line)["calls"]
            except (ValueError, KeyError, TypeError, RecursionError):
                _refuse(taken, f"line {number} is no line of `sered analyze`")
                continue
            for said in calls:
                message = _message(said)
                if isinstance(message, str):
                    _refuse(taken, f"line {number}: {message}")
                else:
                    yield message


def _message(said: Any) -> tuple[CallReport, bytes] | str:
    if not isinstance(said, dict):
        return "wanted a call's report"
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    site, device = str(said.get("site", "")), str(said.get("device", ""))
    message = read(Place(site, device, "calls"), body)
    if isinstance(message, SetAside):
        return message.sentence
    return message, body  # type: ignore[return-value]  # of `calls` a CallReport is read


def _refuse(taken: Taken, sentence: str) -> None:
    taken.refused += 1
    if len(taken.faults) < _MOST_NAMED:
        taken.faults.append(sentence)


def _store(central: Central, batch: list[tuple[CallReport, bytes]], taken: Taken) -> None:
    if not batch:
        return
    with central.store.writing() as connection:
        new = _rows(connection, central, batch)
    taken.new += new
    taken.known += len(batch) - new


def _rows(connection: Connection, central: Central, batch: list[tuple[CallReport, bytes]]) -> int:
    by_id = {report.call_id: (report, body) for report, body in batch}
    rows = []
    for report, _ in by_id.values():
        row = sifting.call_row(report, "", central.now(), central.settings.cases.late_after_s)
        # an old recording is old on purpose: its time is what its name or manifest says
        times = {"started_at": report.started_at, "ended_at": report.ended_at}
        rows.append(
            row | times | {"clock_doubtful": False, "arrived_late": False, "archived": True}
        )
    new = upsert.insert_new(connection, call, rows, "call_id")
    packed = [{"call_id": key, "z": zlib.compress(by_id[key][1])} for key in sorted(new)]
    upsert.insert_if_new(connection, call_report, packed)
    causes = [
        {"call_id": key, "cause": cause}
        for key in sorted(new)
        if (felt := by_id[key][0].sentiment) is not None
        for cause in sifting.causes(felt.causes)
    ]
    upsert.insert_if_new(connection, call_cause, causes)
    return len(new)
