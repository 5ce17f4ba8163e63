"""A box after `make uninstall`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from system.desk import CHECKOUT

if TYPE_CHECKING:
    from system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
_TRACES = (
    "find / -xdev -iname '*sered*' -not -path '/root/*' -not -path '/proc/*' -not -path '/sys/*'"
    " -not -path '/var/cache/pip/*' -not -path '/var/log/*' | sort"
)


def test_uninstall_leaves_configuration_and_spool_unless_purged(desk: Desk) -> None:
    """First nothing but these two, then nothing at all; user, unit and command are gone."""
    assert desk.show("ActiveState") == "active"
    desk.run(f"make -C {CHECKOUT} uninstall")
    left = desk.run(_TRACES).out.splitlines()
    assert left == ["/etc/sered", "/etc/sered/sered.toml", "/var/lib/sered"]
    assert desk.run("ls /var/lib/sered").out.split()[0].startswith("spool")
    assert desk.run("id sered", check=False).status != 0
    assert desk.show("LoadState") == "not-found"
    desk.run(f"make -C {CHECKOUT} uninstall PURGE=1")
    assert desk.run(_TRACES).out == ""
