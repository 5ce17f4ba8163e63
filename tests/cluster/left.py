"""A run's own folder, and what the runs before it left that were killed half-way.

Processes, namespaces and mounts end with a run, however it ends: its first process is that of a
namespace of its own (`net.enter`). What stays is a folder, and control groups named after it.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DYING_S = 60.0
_CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup")


def groups(run: str) -> list[Path]:
    """Where this machine has control groups, one named after the run in each."""
    roots = [Path(root) for root in _CGROUPS]
    return [root / f"sered-{run}" for root in roots if (root / "cgroup.procs").exists()]


@contextlib.contextmanager
def own_folder(kind: str, where: Path) -> Iterator[Path]:
    """A new folder, gone afterwards; those of killed runs of this kind go now, and that is said.

    A run that goes on elsewhere holds a lock on its folder, and is left alone.
    """
    where.mkdir(parents=True, exist_ok=True)
    with (where / f".{kind}.lock").open("w") as door:
        # nobody takes a folder for left that is not locked yet
        fcntl.flock(door, fcntl.LOCK_EX)
        for lock in sorted(where.glob(f"{kind}-*/.held")):
            _clear_where_left(lock)
        mine = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=where))
        held = (mine / ".held").open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    with held:
        try:
            yield mine
        finally:
            _clear(mine)


def _clear_where_left(lock: Path) -> None:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another run goes on beside this one: {lock.parent}", flush=True)
            return
        _clear(lock.parent)
    print(f"an earlier run was killed: {lock.parent} that it left is removed", flush=True)


def _clear(folder: Path) -> None:
    end = time.monotonic() + _DYING_S
    left = [group for group in groups(folder.name) if group.exists()]
    while any(not _removed(group) for group in left):
        # the last processes of a machine that was switched off are still dying
        assert time.monotonic() < end, f"processes of {folder.name} do not end"
        time.sleep(0.5)
    # last: without it nobody would find the groups
    shutil.rmtree(folder)


def _removed(group: Path) -> bool:
    if not group.exists():
        return True
    inner = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    try:
        for path in [*inner, group]:
            path.rmdir()
    except OSError:
        return False
    return True
