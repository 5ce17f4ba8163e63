"""A fresh Bookworm box after `make install`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from system.desk import CHECKOUT, DEMO_CALL, eventually, unpinned

if TYPE_CHECKING:
    from system.desk import Desk
    from system.machine import Disk

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
_BIN = "/opt/sered/current/bin"


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


def test_libraries_are_of_the_versions_that_were_tested(desk: Desk) -> None:
    """Every library of the box is one that is pinned, in the pinned version."""
    assert unpinned(desk.run(f"{_BIN}/pip freeze").out, "3.11") == []


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


def _inside(desk: Desk, script: str) -> str:
    """What a script says under the unit's own rules, as another unit beside it."""
    desk.machine.disk.write("/srv/inside", script)
    desk.run(
        "rm -f /root/said; sed -e '/^Restart/d; /^Watchdog/d'"
        " -e 's#^Type=.*#Type=oneshot\\nStandardOutput=file:/root/said#'"
        " -e 's#^ExecStart=.*#ExecStart=/bin/sh /srv/inside#'"
        " -e 's#^\\(Runtime\\|Working\\)Directory=.*#&-inside#'"
        " /etc/systemd/system/sered.service >/run/systemd/system/inside.service;"
        " systemctl daemon-reload; systemctl start inside"
    )
    return desk.run("cat /root/said").out


def test_everything_works_inside_the_sandbox(desk: Desk) -> None:
    """`sered diagnose` under the unit's own rules finds no fault in voice, words and whole line."""
    groups = "--only emotion --only words --only whole"
    said = _inside(desk, f"{_BIN}/sered diagnose --json {groups} || true")
    checks = json.loads(said)["checks"]
    assert {c["id"] for c in checks if c["mark"] == "fail"} == set()
    assert len([c for c in checks if c["mark"] == "ok"]) >= 8


def test_the_hook_switchs_library_works_inside_the_sandbox(desk: Desk) -> None:
    """It makes its pipe where the unit may write."""
    assert _inside(desk, f"{_BIN}/python -c 'import lgpio; print(\"heard\")'") == "heard"


def test_sound_cards_and_nothing_else_can_be_opened(desk: Desk) -> None:
    """By the user sered, also where the kernel knew of no card when the service started."""
    # 116 is ALSA's number; no driver answers to either, which is said only after leave was given
    desk.run(
        "mkdir -p /dev/snd; mknod /dev/snd/pcmC7D0c c 116 24; mknod /dev/snd/other c 99 0;"
        " chgrp audio /dev/snd/*; chmod 660 /dev/snd/*"
    )
    said = _inside(
        desk, "for name in pcmC7D0c other; do (: </dev/snd/$name) 2>&1 | sed 's/.*: //'; done"
    )
    desk.run("rm /dev/snd/pcmC7D0c /dev/snd/other")
    assert said.splitlines() == ["No such device or address", "Operation not permitted"]


def test_the_wheel_alone_judges_a_call(desk: Desk) -> None:
    """Built from the checkout, installed by pip as fleet.md says, without a service."""
    desk.run("python3 -m venv /srv/alone", timeout_s=60)
    desk.run(
        f"cd /srv && alone/bin/pip wheel -q --no-deps -w dist {CHECKOUT} && alone/bin/pip install"
        f" -q -c {CHECKOUT}/systemd/constraints-3.11.txt dist/sered-*.whl",
        timeout_s=300,
        PIP_CACHE_DIR="/var/cache/pip",
    )
    report = json.loads(desk.run(f"cd /srv; alone/bin/sered analyze --json {DEMO_CALL}").out)
    assert report[0]["calls"][0]["sentiment"]["category"] == "negative"
    desk.run("rm -r /srv/alone /srv/dist")


def test_the_unit_is_sound(desk: Desk) -> None:
    """systemd finds nothing to complain about in the unit."""
    found = desk.run("systemd-analyze verify sered.service", check=False)
    assert (found.status, found.err) == (0, "")
