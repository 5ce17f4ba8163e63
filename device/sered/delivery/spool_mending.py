"""What can be wrong with the spool's file, in words, and what is saved of a damaged one."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sered.delivery.spool_row import code, whole_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sered.delivery.spool_file import SpoolFile

StateName = Literal["ok", "set_aside", "read_only", "full", "failed"]


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How the spool is."""

    name: StateName = "ok"
    sentence: str = ""
    """For a technician; empty when all is well."""
    faults: tuple[tuple[str, str], ...] = ()
    """(reason, sentence) of all that `status` must say."""


def state_of(trouble: tuple[StateName, str], aside: Path | None, given_up: int) -> SpoolState:
    """How a spool is: what is wrong now, where a damaged one lies, and what was given up."""
    name, sentence = trouble
    faults = [] if name == "ok" else [(f"spool_{name}", sentence)]
    if aside and name != "set_aside":
        faults.append(("spool_set_aside", f"A damaged spool lies in {aside}."))
    if given_up:
        said = f"{given_up} message(s) were given up: the spool is at its limit."
        faults.append(("spool_dropped", said))
    return SpoolState(name, sentence, tuple(faults))


def salvage(path: Path, into: SpoolFile, after: int = 0) -> None:
    """Copy every whole row of a damaged file that is not in `into` yet; see fill()."""
    with closing(sqlite3.connect(path, timeout=2.0, isolation_level=None)) as db:
        with suppress(sqlite3.Error, UnicodeDecodeError):
            into.adopt(db.execute("SELECT call_id, line, payload FROM left_open").fetchall())
        into.fill(whole_rows(db), after)


def set_aside(path: Path, spool: Path) -> Path | None:
    """Rename a damaged file to `SPOOL.damaged-N`; None: there was none.

    Its WAL goes first, lest a new file meets an old WAL.
    """
    suffixes = ("-wal", "-shm", "")
    number = 1
    while any(spool.with_name(f"{spool.name}.damaged-{number}{s}").exists() for s in suffixes):
        number += 1
    aside = spool.with_name(f"{spool.name}.damaged-{number}")
    for suffix in suffixes:
        found = path.with_name(path.name + suffix)
        if found.exists():
            found.replace(aside.with_name(aside.name + suffix))
    return aside if aside.exists() else None


def trouble(error: Exception, path: Path) -> tuple[StateName, str]:
    """What an error of the file means, as a word for `status` and a sentence for a technician."""
    number, where = code(error), f"The spool {path}"
    if number == sqlite3.SQLITE_FULL:
        return "full", f"{where}: the disk is full. Make room on it."
    if number in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return "read_only", f"{where} cannot be written. Check its owner and its disk."
    if number == sqlite3.SQLITE_BUSY:
        return "failed", f"{where} is in use by another sered. Stop one of the two."
    return "failed", f"{where} cannot be used: {error}. Check its disk."
