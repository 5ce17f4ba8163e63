"""A fresh Bookworm server after `make install-central`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from system.desk import eventually
from system.server import CONFIGURATION

if TYPE_CHECKING:
    from system.machine import Disk
    from system.server import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
_BIN = "/opt/sered-central/current/bin"


def test_install_says_what_it_does(central_installed: tuple[Disk, str]) -> None:
    """It names what is built and how the first user is made, and ends with what the doctor says."""
    _, said = central_installed
    assert "Building /opt/sered-central/" in said
    assert "sered-central central user add" in said
    assert "the store answers and takes what is written" in said


def test_central_is_up_after_installation(server: Server) -> None:
    """The service starts with the machine, reaches its broker, and the board answers."""
    assert server.run("systemctl is-enabled sered-central").out == "enabled"
    eventually(lambda: server.listens, 60, "a central that listens")
    assert server.page("/alive") == (200, "alive")
    status, text = server.page("/login")
    assert status == 200
    assert "<form" in text


def test_files_belong_to_whom_they_should(server: Server) -> None:
    """Configuration: the group's to read; key: root's alone; store: the service's; rest: root's."""
    eventually(lambda: server.listens, 60, "a central that listens")
    names = f"/etc/sered-central {CONFIGURATION} /etc/sered-central/central-key"
    store = "/var/lib/sered-central /var/lib/sered-central/central.db"
    assert server.run(f"stat -c '%n %a %U:%G' {names} {store}").out.splitlines() == [
        "/etc/sered-central 750 root:sered-central",
        f"{CONFIGURATION} 640 root:sered-central",
        "/etc/sered-central/central-key 600 root:root",
        "/var/lib/sered-central 750 sered-central:sered-central",
        "/var/lib/sered-central/central.db 600 sered-central:sered-central",
    ]
    assert server.run("id -nG sered-central").out == "sered-central"
    assert server.run("find /opt/sered-central ! -user root -o -perm -o+w ! -type l").out == ""


def test_what_boxes_say_is_kept_over_a_restart(server: Server) -> None:
    """Calls of simulated boxes are stored once each, and are there after a restart."""
    eventually(lambda: server.listens, 60, "a central that listens")
    before, _ = server.kept()
    played = server.run(
        "sered-central central simulate --boxes 3 --a-minute 120 --minutes 0.1 --json"
    )
    calls = json.loads(played.out)["calls"]
    assert calls > 0
    eventually(lambda: server.kept()[0] == before + calls, 30, f"{calls} calls in the store")
    pid = server.show("MainPID")
    server.run("systemctl restart sered-central")
    assert server.show("MainPID") != pid
    eventually(lambda: server.listens, 60, "a central that listens again")
    assert server.kept()[0] == before + calls
    assert server.page("/alive") == (200, "alive")


def test_a_killed_central_comes_back(server: Server) -> None:
    """systemd starts it again, and it listens again."""
    eventually(lambda: server.listens, 60, "a central that listens")
    pid = server.show("MainPID")
    server.run("systemctl kill -s KILL sered-central")
    eventually(lambda: server.show("MainPID") not in ("0", pid), 30, "another process")
    eventually(lambda: server.listens, 60, "a central that listens again")


def test_a_second_installation_changes_nothing(server: Server) -> None:
    """No file of the system is touched and the service is not restarted."""
    eventually(lambda: server.listens, 60, "a central that listens")
    pid = server.show("MainPID")
    server.run("touch /root/before")
    server.install()
    changed = "find /opt /etc /usr /var/lib/dpkg -newer /root/before ! -type d"
    assert server.run(changed).out == ""
    assert server.show("MainPID") == pid


def test_the_sandbox_is_tight(server: Server) -> None:
    """systemd gives the unit 1.5 or better, and finds nothing to complain about in it."""
    line = server.run("systemd-analyze security sered-central --no-pager").out.splitlines()[-1]
    score = float(line.rpartition(": ")[2].split()[0])
    print(f"systemd-analyze security: {score}")
    assert score <= 1.5
    found = server.run("systemd-analyze verify sered-central.service", check=False)
    assert (found.status, found.err) == (0, "")


def test_a_call_is_judged_inside_the_sandbox(server: Server) -> None:
    """What the analyse page needs works under the unit's rules; no sound card can be opened."""
    server.machine.disk.write(
        "/srv/inside",
        f"{_BIN}/sered diagnose --json --only emotion --only words --only whole\n"
        "ls -d /dev/snd /dev/gpiochip0 2>/dev/null; exit 0\n",
    )
    server.run(
        "mkdir -p /dev/snd; rm -f /root/said; sed -e '/^Restart/d; /^Watchdog/d; /^ExecStartPre/d'"
        " -e 's#^Type=.*#Type=oneshot\\nStandardOutput=file:/root/said#'"
        " -e 's#^ExecStart=.*#ExecStart=/bin/sh /srv/inside#'"
        " -e 's#^\\(Runtime\\|Working\\)Directory=.*#&-inside#'"
        " /etc/systemd/system/sered-central.service >/run/systemd/system/inside.service;"
        " systemctl daemon-reload; systemctl start inside; rmdir /dev/snd"
    )
    said = server.run("cat /root/said").out
    assert "/dev/snd" not in said.splitlines()
    checks = json.loads(said)["checks"]
    assert {c["id"] for c in checks if c["mark"] == "fail"} == set()
    assert len([c for c in checks if c["mark"] == "ok"]) >= 8
