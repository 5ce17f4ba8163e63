"""A table of recordings: `path`, and what else is known of each; every fault named by its line."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sered.archive.task import Task
from sered.channels import parse_sides
from sered.errors import ConfigError
from sered.tap.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("path", "started_at", "line", "sides", "external_id")
_MOST_NAMED = 20
_NEW: tuple[int, int | None, set[str]] = (0, None, set())


def read_manifest(path: Path) -> list[Task]:
    """Its recordings in its order; raises ConfigError that names every fault, each with its line.

    CSV with a header, UTF-8; commas, semicolons or tabs. Paths are relative to the manifest's
    folder. `started_at` is ISO 8601; without a zone it is in this machine's own. A recording stands
    in one line, or in several whose `call_id` differ: it is judged once, and began at the earliest
    of their times. Other columns are passed over.
    """
    rows, columns = _rows(path)
    faults: list[str] = []
    tasks: list[Task] = []
    seen: dict[str, tuple[int, int | None, set[str]]] = {}
    for number, row in rows:
        if not any(value.strip() for value in row):
            continue
        if len(row) != len(columns):
            faults.append(
                f"line {number}: wanted {len(columns)} columns as in the header, found {len(row)}"
            )
            continue
        values = {name: value.strip() for name, value in zip(columns, row, strict=True)}
        task, wrong = _task(path.parent, values)
        faults += [f"line {number}: {each}" for each in wrong]
        if task is None:
            continue
        call, (where, before, calls) = values.get("call_id", ""), seen.get(task.name, _NEW)
        if before is None:
            seen[task.name] = (number, len(tasks), {call})
            tasks.append(task)
        elif not call or call in calls:
            faults.append(f"line {number}: {shown(task.path)} stands in line {where} already")
        elif (same := _both(tasks[before], task)) is None:
            faults.append(f"line {number}: another line, sides or external_id than in line {where}")
        else:
            # two calls of one recording, as `sered label` writes them
            tasks[before] = same
            calls.add(call)
    if faults:
        raise ConfigError(_told(path, faults))
    if not tasks:
        msg = f"{shown(path)}: wanted a recording a line under the header, found none."
        raise ConfigError(msg)
    return tasks


def _rows(path: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    wanted = f"{shown(path)}: wanted a manifest (CSV with the header path,started_at,...)"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{wanted}, found that it cannot be read ({error.strerror}). Check the name."
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{wanted}, found another encoding. Save it as UTF-8."
        raise ConfigError(msg) from None
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=mark)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        msg = f"{wanted}; line {reader.line_num} cannot be read ({error})."
        raise ConfigError(msg) from None
    columns = [name.strip().lower() for name in rows[0][1]] if rows else []
    if "path" not in columns:
        msg = f"{wanted}, found no column path in its first line."
        raise ConfigError(msg)
    if len(set(columns)) < len(columns):
        msg = f"{wanted}, found a column twice in its first line."
        raise ConfigError(msg)
    return rows[1:], columns


def _task(folder: Path, values: dict[str, str]) -> tuple[Task | None, list[str]]:
    wrong: list[str] = []
    if not values["path"]:
        return None, ["wanted a path, found none"]
    path = (folder / values["path"]).absolute()
    if not path.is_file():
        wrong.append(f"no such file: {shown(path)}")
    started_at = None
    if text := values.get("started_at", ""):
        try:
            started_at = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            wrong.append(
                f"started_at: wanted a time such as 2026-03-04T10:15:00+01:00, found {text!r}"
            )
    sides = values.get("sides") or None
    if sides is not None:
        try:
            parse_sides(sides)
        except ValueError as error:
            wrong.append(f"sides: {error}")
    line = values.get("line") or None
    if line is not None and ("/" in line or not line.isprintable()):
        wrong.append(f"line: wanted a name without / and controls, found {line!r}")
    return Task(str(path), sides, started_at, line, values.get("external_id", "")), wrong


def _both(one: Task, other: Task) -> Task | None:
    """Two lines of one recording as one; None where they contradict each other."""
    if replace(one, started_at=None) != replace(other, started_at=None):
        return None
    known = [task.started_at for task in (one, other) if task.started_at is not None]
    return replace(one, started_at=min(known, default=None))


def _told(path: Path, faults: list[str]) -> str:
    named = faults[:_MOST_NAMED]
    more = len(faults) - len(named)
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    rest = f"\n  and {more} more" if more else ""
    lines = "".join(f"\n  {each}" for each in named)
    return f"{shown(path)}: {count}; nothing was judged.{lines}{rest}"
