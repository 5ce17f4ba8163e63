"""Writes results as they come: CSV, JSON lines, JSON, Parquet."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from typing import IO, TYPE_CHECKING, Any, Protocol

from sered.archive.rows import COLUMNS, rows
from sered.errors import ConfigError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from sered.archive.task import Result

_BATCH = 2000
"""Rows of a Parquet group: memory stays the same for any number of recordings."""


class Sink(Protocol):
    """Takes one result after the other."""

    def take(self, result: Result) -> None:
        """Write it, and let it be read at once."""

    def close(self) -> None:
        """No more come."""


def opened(path: Path, stack: ExitStack) -> IO[str]:
    """A file to write text to, `-` for stdout; raises ConfigError for one that cannot be."""
    if str(path) == "-":
        return sys.stdout
    try:
        return stack.enter_context(path.open("w", encoding="utf-8", newline=""))
    except OSError as error:
        msg = f"{shown(path)}: cannot be written ({error.strerror}). Choose another place."
        raise ConfigError(msg) from None


class Csv:
    """A header, and one row a call."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._writer.writeheader()

    def take(self, result: Result) -> None:
        """One row a call."""
        for row in rows(result):
            self._writer.writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Nothing is left."""


class JsonLines:
    """One line a recording, as `--json` has it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def take(self, result: Result) -> None:
        """One line."""
        self._file.write(json.dumps(document(result), ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing is left."""


class Json:
    """One list, indented; written as results come."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._before = "["

    def take(self, result: Result) -> None:
        """One element."""
        text = json.dumps(document(result), indent=2, ensure_ascii=False)
        indented = text.replace("\n", "\n  ")
        self._file.write(f"{self._before}\n  {indented}")
        self._before = ","

    def close(self) -> None:
        """The list's end."""
        self._file.write("\n]\n" if self._before == "," else "[]\n")
        self._file.flush()


class Parquet:
    """The rows of the CSV, typed; needs the extra sered[parquet]. Raises ConfigError."""

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            msg = "--parquet needs pyarrow: pip install 'sered[parquet]'"
            raise ConfigError(msg)
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - the same

        self._arrow = pa
        kinds = {
            "bool": {"escalate", "mixed"},
            "int64": {"call", "interruptions", "word_count"},
            "float64": {
                "duration_s", "score", "confidence", "p_negative", "voice", "words", "trend",
                "worst_at_s", "customer_s", "agent_s", "mixed_s", "silence_s", "hold_s",
                "asr_confidence", "snr_db", "lost_s", "clipping",
            },
        }  # fmt: skip
        types: dict[str, Any] = {
            name: getattr(pa, f"{kind}_" if kind == "bool" else kind)()
            for kind, names in kinds.items()
            for name in names
        }
        self._schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
        try:
            self._writer = ParquetWriter(path, self._schema)
        except OSError as error:
            msg = f"{shown(path)}: cannot be written ({error}). Choose another place."
            raise ConfigError(msg) from None
        self._rows: list[dict[str, Any]] = []

    def take(self, result: Result) -> None:
        """Its rows, written in groups."""
        self._rows += rows(result)
        if len(self._rows) >= _BATCH:
            self._write()

    def close(self) -> None:
        """The last group and the file's end."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows.clear()


def document(result: Result) -> dict[str, Any]:
    """A result as JSON has it."""
    known: dict[str, Any] = {
        "file": shown(result.path),
        "error": result.fault,
        "notes": list(result.notes),
        "passed_over": result.passed_over,
        "calls": [call.report.model_dump(mode="json", by_alias=True) for call in result.calls],
    }
    return known | ({"external_id": result.external_id} if result.external_id else {})


def sinks(stack: ExitStack, wanted: dict[str, Path | None], extra: list[Sink]) -> list[Sink]:
    """Every output that was asked for by `wanted` (csv, jsonl, json, parquet), and the `extra`."""
    made: list[Sink] = []
    kinds: dict[str, Callable[[Path], Sink]] = {
        "csv": lambda path: Csv(opened(path, stack)),
        "jsonl": lambda path: JsonLines(opened(path, stack)),
        "json": lambda path: Json(opened(path, stack)),
        "parquet": Parquet,
    }
    for name, make in kinds.items():
        path = wanted.get(name)
        if path is not None:
            made.append(make(path))
    return [*made, *extra]
