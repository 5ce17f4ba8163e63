"""Takes in a site's own lists: which extension each box's line has."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sered import names
from sered.central import audit
from sered.central.errors import InputError
from sered.central.store.tables import line_map

if TYPE_CHECKING:
    from pathlib import Path

    from sered.central.context import Central

COLUMNS = ("site", "device", "line", "extension", "queue")
_FAULTS_TOLD = 10


def lines(central: Central, path: Path, by: str = "cli") -> tuple[int, int]:
    """Take a CSV file of lines; how many are new or changed, and how many were so already.

    Its heading is `site,device,line,extension,queue`, queue may be missing. A changed line is
    valid from now; what it was before is kept for calls before. All or nothing: raises InputError
    that names every row that cannot be used.
    """
    rows = _read(path)
    now, changed, same = central.now(), 0, 0
    with central.store.writing() as connection:
        for row in rows:
            mine = (
                (line_map.c.site == row["site"])
                & (line_map.c.device == row["device"])
                & (line_map.c.line == row["line"])
                & line_map.c.valid_to.is_(None)
            )
            before = connection.execute(select(line_map).where(mine)).first()
            if before and (before.extension, before.queue) == (row["extension"], row["queue"]):
                same += 1
                continue
            connection.execute(update(line_map).where(mine).values(valid_to=now))
            connection.execute(insert(line_map).values(**row, valid_from=now))
            changed += 1
        if changed:
            audit.write(connection, now, by, "lines.imported", f"count:{changed}")
    return changed, same


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            missing = set(COLUMNS[:4]) - set(reader.fieldnames or ())
            if missing:
                msg = f"{path}: wanted the heading {','.join(COLUMNS)}; missing: "
                raise InputError(msg + ", ".join(sorted(missing)) + ".")
            rows = list(reader)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})."
        raise InputError(msg) from None
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: wanted CSV in UTF-8 ({error})."
        raise InputError(msg) from None
    taken, faults = [], []
    for number, row in enumerate(rows, 2):
        try:
            taken.append(_line(row))
        except ValueError as error:
            faults.append(f"{path}:{number}: {error}.")
    if faults:
        left = len(faults) - _FAULTS_TOLD
        more = [f"... and {left} more."] if left > 0 else []
        raise InputError("\n".join(faults[:_FAULTS_TOLD] + more))
    return taken


def _line(row: dict[str, str]) -> dict[str, str]:
    found = {name: (row.get(name) or "").strip() for name in COLUMNS}
    for name in COLUMNS[:3]:
        try:
            names.level(found[name])
        except ValueError as error:
            msg = f"{name} {error}"
            raise ValueError(msg) from None
    if not found["extension"] or len(found["extension"]) > 64:
        msg = f"wanted an extension, found {found['extension'][:20]!r}"
        raise ValueError(msg)
    found["queue"] = found["queue"][:64]
    return found
