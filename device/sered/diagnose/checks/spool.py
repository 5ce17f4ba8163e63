"""Checks of the spool: it opens as the service would open it, what waits, what was given up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING

from sered.delivery.age import age_s
from sered.delivery.expiry import Clocks, boot_id, uptime_s
from sered.diagnose.checks import service_user
from sered.diagnose.checks.system import existing
from sered.diagnose.model import Check, Context, Fix, Group, Outcome, fault, ok, skip_all
from sered.owner import as_owner, owner_of
from sered.tap.clock import kernel_clock_synced

if TYPE_CHECKING:
    from pathlib import Path

_HOUR_S = 3600.0
_SPOOL_REASONS = {
    "spool_read_only": "read_only",
    "spool_full": "full",
    "spool_failed": "failed",
}


def _folder(context: Context) -> Outcome:
    path = context.known.spool.path
    folder = path.parent
    user = service_user.become_service_user()
    fields = {"folder": str(folder), "user": user}
    if not folder.is_dir():
        above = existing(path)
        if os.access(above, os.W_OK | os.X_OK):
            return ok(f"{folder} will be made when the service starts")
        return fault("no_folder", f"no folder {folder}, and {user} may not make it", **fields)
    if not os.access(folder, os.W_OK | os.X_OK):
        return fault("not_ours", f"{user} may not write into {folder}", **fields)
    return ok(f"{user} writes into {folder}")


def _opens(context: Context) -> Outcome:
    path = context.known.spool.path
    if context.outdated:
        return skip_all("the running service has another configuration and may have it open")
    if context.service is not None:
        for reason in context.service.status.reasons:
            if reason in _SPOOL_REASONS:
                found = f"the running service says: {context.service.status.text}"
                return fault(_SPOOL_REASONS[reason], found, path=str(path))
        health = context.service.health
        return ok(
            "the running service has it open",
            depth=health.spool_depth if health else 0,
            dropped=health.spool_dropped if health else 0,
            waits_s=context.service.spool_waits_s,
        )
    service_user.become_service_user()
    if not path.exists():
        return ok("none yet: the service makes it", depth=0, dropped=0, waits_s=None)
    return _open(path)


def _open(path: Path) -> Outcome:
    """As the service opens it, but without mending or sending anything."""
    from sered.delivery.spool_file import SpoolFile
    from sered.delivery.spool_row import Damaged, code

    try:
        file = SpoolFile(path)
    except Damaged as damage:
        return fault("damaged", f"{path}: {damage}", path=str(path))
    except (sqlite3.Error, OSError) as error:
        number = code(error) if isinstance(error, sqlite3.Error) else 0
        names = {
            sqlite3.SQLITE_READONLY: "read_only",
            sqlite3.SQLITE_CANTOPEN: "read_only",
            sqlite3.SQLITE_PERM: "read_only",
            sqlite3.SQLITE_FULL: "full",
            sqlite3.SQLITE_BUSY: "in_use",
        }
        return fault(names.get(number, "failed"), f"{path}: {error}", path=str(path))
    now = Clocks(time.time, uptime_s, kernel_clock_synced, boot_id()).stamp()
    try:
        first = file.oldest()
        return ok(
            f"{path}, sound",
            depth=file.count,
            dropped=file.tally("dropped"),
            waits_s=age_s(first.at, now) if first else None,
        )
    except Damaged as damage:
        return fault("damaged", f"{path}: {damage}", path=str(path))
    finally:
        file.close()


def _waiting(context: Context) -> Outcome:
    depth: int = context.facts["depth"]
    waits_s: float | None = context.facts["waits_s"]
    if not depth:
        return ok("nothing waits")
    if waits_s is None:
        return ok(f"{depth} waiting, since when no clock of this box can tell")
    found = f"{depth} waiting, the oldest for {_said(waits_s)}"
    return fault("long", found) if waits_s > _HOUR_S else ok(found)


def _said(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _whole(context: Context) -> Outcome:
    path = context.known.spool.path
    aside = sorted(path.parent.glob(f"{path.name}.damaged-[0-9]*"))
    aside = [one for one in aside if not one.name.endswith(("-wal", "-shm"))]
    dropped: int = context.facts["dropped"]
    if dropped:
        return fault("given_up", f"{dropped} given up at the limits since the spool was made")
    if aside:
        names = " ".join(map(str, aside))
        return fault("set_aside", f"{len(aside)} damaged before", names=names)
    return ok("no verdict was ever given up")


def _make_folder(context: Context) -> None:
    path = context.known.spool.path.parent
    with as_owner(path):
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
    if owner_of(path) is None:
        shutil.chown(path, service_user.SERVICE_USER, service_user.SERVICE_USER)


CHECKS = (
    Check(
        "spool.folder",
        "the service may write the spool's folder",
        "Every verdict is kept there until the broker has it.",
        _folder,
        failures={
            "no_folder": "sudo install -d -o {user} -g {user} -m 0750 {folder}",
            "not_ours": "sudo chown {user}: {folder} (and look at its disk: system.writable).",
        },
        fatal=True,
        fix=Fix(
            ("no_folder", "not_ours"),
            "make the spool's folder and give it to the service's user",
            _make_folder,
        ),
    ),
    Check(
        "spool.opens",
        "the spool opens and is sound",
        "It is opened as the service would open it; no verdict is touched.",
        _opens,
        failures={
            "damaged": "Start the service (`sudo systemctl restart sered`): it sets the file "
            "aside and takes over what can be read. Then look at system.wear: cards that corrupt "
            "files are dying.",
            "read_only": "`ls -l {path}*` and `findmnt -T {path}`: the files must belong to the "
            "service's user and their disk must be writable.",
            "full": "Make room on the disk of {path}: see system.space.",
            "failed": "`df -h {path}` and `dmesg | tail` tell what is wrong with its disk.",
        },
        warnings={
            "in_use": "A second sered has it, or the service is just starting; two of them must "
            "not share one spool."
        },
        deadline_s=8.0,
        fatal=True,
    ),
    Check(
        "spool.waiting",
        "nothing has waited long for the broker",
        "Verdicts that wait have not reached central.",
        _waiting,
        warnings={
            "long": "The broker has not taken them: see its checks below. Nothing is lost; they "
            "go out in order when it is back."
        },
    ),
    Check(
        "spool.whole",
        "no verdict was given up",
        "At its limits of age and size the spool gives up the oldest, and counts.",
        _whole,
        warnings={
            "given_up": "Raise [spool] max_days and max_mb, or mend the way to the broker. The "
            "count stays as a reminder.",
            "set_aside": "Damaged files were set aside and what was readable went out: keep or "
            "remove {names}. Look at system.wear.",
        },
    ),
)

GROUP = Group("spool", "Spool", CHECKS, lane="outbox", needs=("configuration.reads",))
