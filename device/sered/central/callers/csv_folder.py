"""Watches a folder for call-detail records: each row once, files that grow, faults by row."""

from __future__ import annotations

import csv
import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central.callers import mappings, storing
from sered.central.errors import InputError, StoreError
from sered.central.store import upsert
from sered.central.store.tables import pbx_file

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Row

    from sered.central.callers.mappings import Layout
    from sered.central.callers.records import Leg
    from sered.central.context import Central

_EVERY_S = 5.0
_BLOCK = 4 * 1024 * 1024
"""Bytes that are read at a time; the rest comes with the next look."""
_log = logging.getLogger(__name__)


def layout_of(central: Central) -> Layout:
    """How the configured exchange writes its records; raises InputError."""
    pbx = central.settings.pbx
    return mappings.own(pbx.columns) if pbx.mapping == "own" else mappings.READY[pbx.mapping]


def run(central: Central, stop: threading.Event) -> None:
    """Look every five seconds until `stop`."""
    while not stop.is_set():
        try:
            look(central)
        except (StoreError, InputError, OSError) as error:
            _log.warning("pbx.folder_waits why=%s", error)
        stop.wait(_EVERY_S)


def look(central: Central) -> int:
    """Take what is new in the folder; how many records of our desks. Raises StoreError, OSError."""
    folder = central.settings.pbx.folder
    if folder is None:
        return 0
    layout = layout_of(central)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return sum(_file(central, layout, path) for path in files if not path.name.startswith("."))


def _file(central: Central, layout: Layout, path: Path) -> int:
    about = path.stat()
    name = path.name[:255]
    with central.store.reading() as connection:
        known = connection.execute(select(pbx_file).where(pbx_file.c.name == name)).first()
    if known is not None and _done(known, about):
        return 0
    # shorter than what was read: the exchange began a new file under the old name
    begin = known.position if known and known.position <= about.st_size else 0
    with path.open("rb") as file:
        first = file.readline(65_536) if begin else b""
        file.seek(begin)
        block = file.read(_BLOCK)
    whole = block[: block.rfind(b"\n") + 1]
    legs, refused, fault = _legs(layout, first, whole, central.settings.pbx.tz)
    if len(block) == _BLOCK and not whole:
        fault = f"A row is longer than {_BLOCK:,} bytes. Is this a file of call records?"
    row: dict[str, Any] = {
        "name": name,
        "size": about.st_size,
        "mtime_ns": about.st_mtime_ns,
        # a file of another exchange is left alone until it changes
        "position": begin if fault and not legs else begin + len(whole),
        "refused": (known.refused if known else 0) + refused,
        "fault": fault[:400],
        "at": central.now(),
    }
    with central.store.writing() as connection:
        stored = storing.put(connection, central, legs, storing.extensions(connection))
        row["records"] = (known.records if known else 0) + stored
        upsert.put(connection, pbx_file, row, ["name"])
    if fault:
        _log.warning("pbx.file_faulty file=%s rows=%d", name, refused)
    return stored


def _done(known: Row[Any], about: os.stat_result) -> bool:
    """Whether nothing has changed since the file was read to its end, or refused."""
    same = (known.size, known.mtime_ns) == (about.st_size, about.st_mtime_ns)
    return same and bool(known.position >= about.st_size or known.fault)


def _legs(layout: Layout, first: bytes, block: bytes, tz: str) -> tuple[list[Leg], int, str]:
    """Records, how many rows could not be read, and the first fault as a sentence."""
    rows = list(_rows(block))
    try:
        if first:
            names = mappings.heading(layout, next(_rows(first)))
        else:
            names = mappings.heading(layout, rows[0]) if rows else None
            rows = rows[1:] if names else rows
    except InputError as error:
        return [], len(rows), str(error)
    legs, refused, fault = [], 0, ""
    for number, row in enumerate(rows, 1):
        try:
            made = mappings.leg(layout, names or layout.columns, row, tz)
        except InputError as error:
            refused += 1
            fault = fault or f"Row {number}: {error}. Is [pbx] mapping right?"
            continue
        if made is not None:
            legs.append(made)
    return legs, refused, fault


def _rows(block: bytes) -> Iterator[list[str]]:
    """Rows of cells; one that is no CSV is a row of nothing that any exchange writes."""
    reader = csv.reader(block.decode("utf-8", "replace").splitlines())
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # a quotation mark that never ends swallows rows up to csv's own limit
            yield [f"no CSV: {error}"]
