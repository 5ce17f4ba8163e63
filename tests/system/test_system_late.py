"""What comes late: a network that is not there at boot, a clock that is years behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from broker import Authority
from system.desk import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
_CONFIGURATION = "/etc/sered/sered.toml"
_DROP_IN = "/etc/systemd/system/sered.service.d"
_CABLE = "[Match]\nName=lo\n[Network]\nAddress=192.0.2.7/32\n"
_CLOCK = """\
[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
Environment=FAKETIME_TIMESTAMP_FILE=/srv/clock FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1
"""


@pytest.fixture(autouse=True)
def unchanged(desk: Desk) -> Iterator[None]:
    """Broker and configuration are put back after each test."""
    eventually(lambda: _connected(desk), 60, "a healthy service")
    options = desk.machine.options
    files = f"{_CONFIGURATION} /etc/mosquitto/desk.conf"
    desk.run(f"tar cf /root/before.tar {files}")
    yield
    if desk.machine.options != options:
        desk.machine.power_off()
        desk.machine.options = options
        desk.machine.boot()
    desk.run("tar xf /root/before.tar -C /; systemctl restart desk-broker sered")


def _connected(desk: Desk) -> bool:
    return desk.healthy and "; connected to " in desk.status_line


def test_it_boots_without_a_network(desk: Desk) -> None:
    """No way to the broker: it listens and says so; an address comes, and it is healthy."""
    desk.run(f"sed -i 's/^host.*/host = \"192.0.2.7\"/' {_CONFIGURATION}")
    desk.run("sed -i 's/^listener.*/& 0.0.0.0/; s/ 127.0.0.1 / /' /etc/mosquitto/desk.conf")
    desk.machine.power_off()
    desk.machine.options = (*desk.machine.options, "--private-network")
    desk.machine.boot()
    eventually(lambda: desk.show("ActiveState") == "active", 60, "a service without a network")
    eventually(lambda: "reach" in desk.status_line, 30, "that it says so")
    print(desk.status_line)
    desk.machine.disk.write("/etc/systemd/network/cable.network", _CABLE)
    desk.run("systemctl start systemd-networkd")
    took = eventually(lambda: _connected(desk), 60, "a connection once there is a network")
    print(f"connected {took:.1f} s after the network came")


def test_it_starts_with_a_clock_that_is_years_behind(desk: Desk, tmp_path: Path) -> None:
    """The broker's certificate is not yet valid then: it says so until time is right."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker", ["127.0.0.1"])
    for path in (authority.certificate, certificate, key):
        desk.machine.disk.write(f"/etc/mosquitto/{path.name}", path.read_text())
    desk.run("sed -i 's/^listener [0-9]*/listener 8883/' /etc/mosquitto/desk.conf")
    desk.run(
        "printf 'certfile /etc/mosquitto/broker.crt\\nkeyfile /etc/mosquitto/broker.key\\n'"
        " >>/etc/mosquitto/desk.conf; systemctl restart desk-broker;"
        " sed -i 's#^port.*#port = 8883\\ntls = true\\nca = \"/etc/mosquitto/ca.crt\"#'"
        f" {_CONFIGURATION}; apt-get update -qq && apt-get install -qq -y faketime >/dev/null"
    )
    desk.machine.disk.write("/srv/clock", "-20y\n")
    desk.machine.disk.write(f"{_DROP_IN}/clock.conf", _CLOCK)
    desk.run("systemctl daemon-reload; systemctl restart sered")
    assert desk.show("ActiveState") == "active"
    eventually(lambda: "certificate" in desk.status_line, 30, "that it says so")
    print(desk.status_line)
    desk.machine.disk.write("/srv/clock", "+0\n")
    took = eventually(lambda: _connected(desk), 120, "a connection once the clock is right")
    print(f"connected {took:.1f} s after the clock was put right")
    desk.run(f"rm -r {_DROP_IN}; systemctl daemon-reload")
