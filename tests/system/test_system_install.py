"""A fresh Bookworm box after `make install`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from desk import eventually

if TYPE_CHECKING:
    from desk import Desk
    from machine import Disk

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_install_says_what_it_does(installed: tuple[Disk, str]) -> None:
    """It names Debian packages with the reason, and ends with what `sered diagnose` says."""
    _, said = installed
    assert "libatomic1: Vosk does not load without it" in said
    assert "Building /opt/sered/" in said
    assert "the network computes here as where it was made" in said


def test_the_box_is_up_after_installation(desk: Desk) -> None:
    """The service starts with the machine, gets ready, and says that it is online in one line."""
    assert desk.run("systemctl is-enabled sered").out == "enabled"
    eventually(lambda: desk.healthy, 30, "a healthy service")
    assert "\n" not in desk.status_line
    assert desk.run("sered --version").out.startswith("sered ")
    assert desk.run("readlink -f /usr/local/bin/sered").out.startswith("/opt/sered/0")


def test_files_belong_to_whom_they_should(desk: Desk) -> None:
    """The configuration is the group's to read, the spool the service's, the rest root's."""
    script = "stat -c '%n %a %U:%G' /etc/sered /etc/sered/sered.toml /var/lib/sered"
    assert desk.run(script).out.splitlines() == [
        "/etc/sered 750 root:sered",
        "/etc/sered/sered.toml 640 root:sered",
        "/var/lib/sered 750 sered:sered",
    ]
    assert desk.run("id -nG sered").out.split() == ["sered", "audio"]
    assert desk.run("find /opt/sered ! -user root -o -perm -o+w ! -type l").out == ""


def test_a_second_installation_changes_nothing(desk: Desk) -> None:
    """No file of the system is touched and the service is not restarted."""
    pid = desk.show("MainPID")
    desk.run("touch /root/before")
    desk.install()
    changed = "find /opt /etc /usr /var/lib/dpkg -newer /root/before ! -type d"
    assert desk.run(changed).out == ""
    assert desk.show("MainPID") == pid


def test_the_sandbox_is_tight(desk: Desk) -> None:
    """`systemd-analyze security` gives 1.5 or better."""
    line = desk.run("systemd-analyze security sered --no-pager").out.splitlines()[-1]
    score = float(line.rpartition(": ")[2].split()[0])
    print(f"systemd-analyze security: {score}")
    assert score <= 1.5


def test_everything_works_inside_the_sandbox(desk: Desk) -> None:
    """`sered diagnose` under the unit's own rules finds no fault in voice, words and whole line."""
    desk.run(
        "sed -e 's/^Type=.*/Type=oneshot/; /^Restart/d; /^Watchdog/d; s/^RuntimeDirectory=.*//'"
        " -e 's#^ExecStart=.*#ExecStart=/opt/sered/current/bin/sered diagnose --json"
        " --only emotion --only words --only whole#'"
        " -e 's#^Type=.*#&\\nStandardOutput=file:/root/inside.json#'"
        " /etc/systemd/system/sered.service >/run/systemd/system/inside.service"
    )
    desk.run("systemctl daemon-reload; systemctl start inside", check=False)
    checks = json.loads(desk.run("cat /root/inside.json").out)["checks"]
    assert {c["id"] for c in checks if c["mark"] == "fail"} == set()
    assert len([c for c in checks if c["mark"] == "ok"]) >= 8


def test_the_unit_is_sound(desk: Desk) -> None:
    """systemd finds nothing to complain about in the unit."""
    found = desk.run("systemd-analyze verify sered.service", check=False)
    assert (found.status, found.err) == (0, "")
