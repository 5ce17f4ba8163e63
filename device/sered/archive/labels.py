"""What people say of judged calls: which call is asked about next, and the file of answers."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sered.contract.messages import CallReport
from sered.errors import ConfigError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import TextIOWrapper

COLUMNS = (
    "path", "speaker", "label", "external_id", "started_at", "line", "call_id", "drawn",
)  # fmt: skip
"""A manifest for `sered analyze`, and what odds are fitted to. It has the converter's columns but
trains no network as it is: who speaks is not known, so each call is a speaker of its own.
`started_at` is the call's; `drawn` says why it was asked about."""
LABELS = {"n": "negative", "o": "neutral", "p": "positive"}
"""Keys and what they mean; the converter's words, `neutral` for whatever is neither."""
RANDOM, DOUBT = "random", "doubt"
_SALT = "sered label"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that can be asked about, and where in the results it stands."""

    call_id: str
    doubt: float
    """0 (sure) to 1 (no saying)."""
    offset: int
    """Of its recording's line, in bytes."""
    number: int
    """Of the call in its recording, from 0."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it is shown."""

    path: Path
    external_id: str
    report: CallReport
    drawn: str


def doubt(report: CallReport) -> float:
    """How little is known of a judged call, 0 to 1: near an even chance, or an unsure category."""
    feeling = report.sentiment
    if feeling is None:
        return 0.0
    unsure = 1.0 - feeling.confidence if feeling.category is not None else 0.0
    if feeling.p_negative is None:
        return max(unsure, 0.0 if feeling.category else 1.0)
    return max(unsure, 1.0 - abs(2.0 * feeling.p_negative - 1.0))


def drawn(call_id: str) -> str:
    """RANDOM for half of all calls, by a hash: no verdict has a part in it; DOUBT for the rest."""
    return RANDOM if _lot(call_id) & 1 else DOUBT


def order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most doubtful and a random one in turns, each call once, the same in every run.

    However early somebody stops, the random ones seen so far are a fair draw from all calls.
    """
    known = {each.call_id: each for each in reversed(list(candidates))}.values()
    doubtful = [each for each in known if drawn(each.call_id) == DOUBT]
    fair = [each for each in known if drawn(each.call_id) == RANDOM]
    doubtful.sort(key=lambda each: (-each.doubt, each.call_id))
    fair.sort(key=lambda each: _lot(each.call_id))
    turns = chain.from_iterable(zip_longest(doubtful, fair))
    return [each for each in turns if each is not None]


def _lot(call_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{_SALT}/{call_id}".encode()).digest())


class Results:
    """The calls of a `calls.jsonl`, or of a folder with one; raises ConfigError.

    Of each call only its place is held: the file may be of any length.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / "calls.jsonl" if path.is_dir() else path
        self.missing: list[str] = []
        """Recordings that are not there any more, as they were named."""
        self._wanted = f"{shown(self.path)}: wanted what `sered analyze --out DIR` or --jsonl wrote"

    def candidates(self) -> list[Candidate]:
        """Every answered call whose recording is there, in the file's order."""
        found: list[Candidate] = []
        offset = 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    found += self._of(line, offset, number)
                    offset += len(line)
        except OSError as error:
            msg = f"{self._wanted}, found that it cannot be read ({error.strerror})."
            raise ConfigError(msg) from None
        return found

    def asked(self, candidate: Candidate) -> Asked:
        """The call itself."""
        with self.path.open("rb") as file:
            file.seek(candidate.offset)
            known = json.loads(file.readline())
        report = CallReport.model_validate(known["calls"][candidate.number])
        path = self._recording(known["file"]) or Path(known["file"])
        return Asked(path, known.get("external_id", ""), report, drawn(candidate.call_id))

    def _of(self, line: bytes, offset: int, number: int) -> list[Candidate]:
        try:
            known = json.loads(line)
            reports = [CallReport.model_validate(each) for each in known["calls"]]
            name = str(known["file"])
        except (ValueError, KeyError, TypeError, ValidationError):
            msg = (
                f"{self._wanted}, found that line {number} is no recording's result."
                " Let a run that is under way end, or go on with one by --resume."
            )
            raise ConfigError(msg) from None
        if reports and self._recording(name) is None:
            self.missing.append(name)
            return []
        return [
            Candidate(report.call_id, doubt(report), offset, place)
            for place, report in enumerate(reports)
            if report.sentiment is not None
        ]

    def _recording(self, name: str) -> Path | None:
        """Names are relative to where `analyze` ran; where results were moved, to the results."""
        places = (Path(name).absolute(), (self.path.parent / name).absolute())
        return next((place for place in places if place.is_file()), None)


class Labels:
    """The file of answers, for one person at a time; on disk, whole, after every answer.

    Raises ConfigError where the file is something else, cannot be written, or is in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[str, dict[str, str]] = {}
        try:
            self._lock = self._locked()
            if path.exists():
                self._read(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise self._unwritable(error) from None
        except UnicodeDecodeError:
            msg = f"{shown(path)}: found another encoding than UTF-8. Save it as UTF-8."
            raise ConfigError(msg) from None

    def close(self) -> None:
        """Let others use it."""
        self._lock.close()

    def label(self, call_id: str) -> str | None:
        """What was said of a call; None: nothing yet."""
        row = self._rows.get(call_id)
        return row["label"] if row else None

    def counts(self) -> dict[str, int]:
        """How many calls have each label."""
        found = [row["label"] for row in self._rows.values()]
        return {label: found.count(label) for label in dict.fromkeys((*LABELS.values(), *found))}

    def put(self, asked: Asked, label: str) -> None:
        """Keep an answer, in place of an earlier one to the same call."""
        report = asked.report
        told = report.model_dump(mode="json", by_alias=True)
        self._rows[report.call_id] = {
            "path": str(asked.path),
            "speaker": report.call_id,
            "label": label,
            "external_id": asked.external_id,
            "started_at": told["started_at"],
            "line": told["line"],
            "call_id": report.call_id,
            "drawn": asked.drawn,
        }
        self._write()

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows.values())
        partial = self.path.with_name(f".{self.path.name}.part")
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise self._unwritable(error) from None

    def _read(self, text: str) -> None:
        reader = csv.reader(io.StringIO(text))
        head = next(reader, [])
        if tuple(head) != COLUMNS:
            msg = (
                f"{shown(self.path)}: wanted labels (CSV with the columns {','.join(COLUMNS)}),"
                f" found {','.join(head) or 'nothing'}. Name another file by --labels."
            )
            raise ConfigError(msg)
        for values in reader:
            row = dict(zip(COLUMNS, values, strict=False))
            if len(values) != len(COLUMNS) or not row["call_id"] or row["call_id"] in self._rows:
                msg = (
                    f"{shown(self.path)}: line {reader.line_num}: wanted {len(COLUMNS)} columns and"
                    " a call_id that stands in no other line. Mend or remove it."
                )
                raise ConfigError(msg)
            self._rows[row["call_id"]] = row

    def _locked(self) -> TextIOWrapper:
        file = self.path.with_name(f".{self.path.name}.lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            msg = f"{shown(self.path)}: somebody is labelling there. Name another by --labels."
            raise ConfigError(msg) from None
        return file

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{shown(self.path)}: labels cannot be kept there ({error.strerror}). What was answered"
            " before is kept; make room, or name another file by --labels."
        )
