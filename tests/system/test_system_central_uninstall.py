"""A server after `make uninstall-central`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from system.server import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
_TRACES = (
    "find / -xdev -iname '*sered*' -not -path '/root/*' -not -path '/proc/*' -not -path '/sys/*'"
    " -not -path '/var/cache/pip/*' -not -path '/var/log/*' | sort"
)


def test_uninstall_leaves_configuration_key_and_store_unless_purged(server: Server) -> None:
    """First nothing but these, then nothing at all; user, unit and command are gone."""
    eventually(lambda: server.listens, 60, "a central that listens")
    server.run(f"make -C {CHECKOUT} uninstall-central")
    left = server.run(_TRACES).out.splitlines()
    assert left == ["/etc/sered-central", "/var/lib/sered-central"]
    assert server.run("ls /etc/sered-central").out.split() == ["central-key", "central.toml"]
    assert "central.db" in server.run("ls /var/lib/sered-central").out.split()
    assert server.run("id sered-central", check=False).status != 0
    assert server.show("LoadState") == "not-found"
    server.run(f"make -C {CHECKOUT} uninstall-central PURGE=1")
    assert server.run(_TRACES).out == ""
