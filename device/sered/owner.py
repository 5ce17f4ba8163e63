"""Whose way a path is: root writes there as its owner, through no link that somebody laid."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def owner_of(path: Path) -> os.stat_result | None:
    """Who could lay a link on the way to a path: the first on it that is not root's; None: nobody.

    Links are looked at, not through.
    """
    whole = path.absolute()
    for place in (*reversed(whole.parents), whole):
        try:
            found = place.lstat()
        except OSError:
            return None
        if found.st_uid != 0:
            return found
    return None


@contextmanager
def as_owner(path: Path) -> Iterator[None]:
    """Work on a path with no more rights than who owns the way to it; only root is changed.

    For a process of one thread. Raises OSError where the rights cannot be laid down.
    """
    owner = owner_of(path) if os.geteuid() == 0 else None
    if owner is None:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
