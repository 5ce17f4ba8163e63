"""Lets a check, run by root, see the box as the service's own user does."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SERVICE_USER = "sered"
_HOMES = ("/home", "/root", "/run/user")


def become_service_user() -> str:
    """Turn this process, a check's own, into the service's user for good; the user's name.

    Without root, or where the service is not installed, nothing changes.
    """
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return _own_name()
    if os.geteuid() != 0:
        return _own_name()
    groups = {*os.getgrouplist(SERVICE_USER, entry.pw_gid), *_granted()}
    os.setgroups(sorted(groups))
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir
    return SERVICE_USER


def hidden(path: Path) -> bool:
    """Whether the service, whose unit has ProtectHome, is not shown this path."""
    try:
        pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return False
    return any(path.resolve().is_relative_to(home) for home in _HOMES)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _granted() -> Iterable[int]:
    """Groups that the unit gives the service besides its user's own."""
    try:
        said = subprocess.run(
            [
                "systemctl",
                "show",
                "sered.service",
                "--property",
                "SupplementaryGroups",
                "--value",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=2,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for name in said.split():
        try:
            yield grp.getgrnam(name).gr_gid
        except KeyError:
            continue
