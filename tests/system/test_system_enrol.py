"""A booted Bookworm server signs certificates of boxes, and its broker shuts a rogue one out."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from broker import DOCS, free_port
from sered.delivery.connection import Connection
from sered.errors import BrokerError
from sered.settings import MqttSettings
from system.desk import CHECKOUT, eventually
from system.server import CONFIGURATION

if TYPE_CHECKING:
    from pathlib import Path

    from system.server import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
_SIGN = "sered-central-sign@1"
_KEY = "central-ca-key"
_PASSWORD = "a long walk by the sea"
_BOX = """\
site = "berlin-3"
device = "desk-12"
[mqtt]
host = "localhost"
port = {port}
tls = true
ca = "/root/box/ca.crt"
cert = "/root/box/box.crt"
key = "/root/box/box.key"
"""


class Fleet:
    """An authority, a signing unit, a broker that fetches the list, an admin; on one server."""

    def __init__(self, server: Server) -> None:
        self.server, self.run = server, server.run
        self.files = server.machine.disk.root / "root/box"
        self.port = free_port()
        eventually(lambda: server.listens, 60, "a central that listens")
        board = self.run(f"sed -n '/web/,$s/^port = //p' {CONFIGURATION}").out
        self.board = httpx.Client(base_url=f"http://127.0.0.1:{board}", timeout=60.0)
        self._authority()
        self._broker(board)
        self._admin()

    def _authority(self) -> None:
        script = f"{CHECKOUT}/docs/mqtt/make-certificates"
        self.run(
            f"mkdir -p /root/ca /root/box; cd /root/ca; {script} ca; {script} broker localhost;"
            f" {script} client central; {script} box berlin-3 desk-1;"
            f" install -m 600 certificates/ca.crt /etc/sered-central/central-ca-crt;"
            f" install -m 600 certificates/ca.key /etc/sered-central/{_KEY};"
            " cp certificates/ca.crt certificates/berlin-3.desk-1.* /root/box;"
            f" systemctl enable -q --now {_SIGN}"
        )

    def _broker(self, board: str) -> None:
        disk = self.server.machine.disk
        text = (DOCS / "mosquitto.conf").read_text()
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        text = text.replace("listener 8884", f"listener {free_port()} 127.0.0.1")
        # Debian's own file names these two already
        text = re.sub(r"(?m)^persistence(_location)? .*\n", "", text)
        disk.write("/etc/mosquitto/conf.d/sered.conf", text)
        disk.write("/root/new-box", "berlin-3 desk-12\n")
        there = f"{CHECKOUT}/docs/mqtt"
        fetch = "apt-get install -yq --no-install-recommends curl"
        self.run(f"{fetch} || (apt-get update -q && {fetch})", timeout_s=300.0)
        self.run(
            f"cd /root/ca; {there}/make-certificates boxes /root/new-box;"
            " mkdir /etc/mosquitto/sered; cd certificates;"
            " cp ca.crt crl.pem broker.crt broker.key acl /etc/mosquitto/sered;"
            " chown -R mosquitto: /etc/mosquitto/sered;"
            f" install {there}/take-revocations /usr/local/sbin;"
            f" cp {there}/sered-revocations.* /etc/systemd/system;"
            " mkdir /etc/systemd/system/sered-revocations.service.d;"
            f" printf '[Service]\\nEnvironment=CENTRAL=http://127.0.0.1:{board}\\n'"
            " >/etc/systemd/system/sered-revocations.service.d/here.conf;"
            " rm -f /etc/systemd/system/mosquitto.service; systemctl daemon-reload;"
            " systemctl start mosquitto; systemctl enable -q --now sered-revocations.timer"
        )

    def _admin(self) -> None:
        add = f"sered-central central user add ada --role admin --config {CONFIGURATION}"
        self.run(f"echo '{_PASSWORD}' | {add}")
        form = {"login": "ada", "password": _PASSWORD}
        assert self.board.post("/login", data=form).status_code == 303

    def press(self, path: str, **form: str) -> None:
        """Press a button on the page New boxes."""
        page = self.board.get("/enrolments").text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token
        assert self.board.post(path, data={"csrf": token[1], **form}).status_code == 303

    def connect(self, certificate: Path, key: Path) -> Connection:
        """As a box that names itself as it likes; raises BrokerError."""
        where = {"host": "localhost", "port": self.port, "ca": self.files / "ca.crt", "tls": True}
        mqtt = MqttSettings.model_validate({**where, "cert": certificate, "key": key})
        return Connection(mqtt, "whatever")


@pytest.fixture(scope="module")
def fleet(server: Server) -> Fleet:
    """The server, furnished."""
    return Fleet(server)


def over(connection: Connection) -> bool:
    """Whether the broker has ended it."""
    try:
        connection.pump(0.0)
    except BrokerError:
        return True
    return False


def test_from_a_token_to_a_broker_and_out_again(fleet: Fleet) -> None:
    """A yes on the board gives a box its certificate; a no ends its connection within a minute.

    Nobody does anything but press these two buttons; another box is back at once.
    """
    fleet.server.machine.disk.write("/root/box/sered.toml", _BOX.format(port=fleet.port))
    central = str(fleet.board.base_url).rstrip("/")
    issue = f"sered-central central enrol berlin-3 desk-12 --config {CONFIGURATION}"
    fleet.run(
        f"{issue} >/root/box/token;"
        f" systemd-run -q --unit=box sered-central enrol --central {central} --every-s 1"
        " --token-file /root/box/token --config /root/box/sered.toml"
    )
    eventually(lambda: "Approve berlin-3/desk-12" in fleet.board.get("/enrolments").text, 60, "it")
    page = fleet.board.get("/enrolments").text
    shown = re.search(r'name="fingerprint" value="([0-9a-f]{64})"', page)
    assert shown
    began = time.monotonic()
    fleet.press("/enrolments/1", fingerprint=shown[1], said="yes")
    mine = fleet.files / "box.crt", fleet.files / "box.key"
    eventually(mine[0].exists, 60, "a certificate")
    print(f"a certificate {time.monotonic() - began:.1f} s after the yes")
    eventually(lambda: not (fleet.files / "token").exists(), 60, "the token to go")
    rogue = fleet.connect(*mine)
    assert not over(rogue)
    began = time.monotonic()
    fleet.press("/enrolments/shut-out", site="berlin-3", device="desk-12")
    eventually(lambda: over(rogue), 60, "the end of its connection")
    print(f"cut off {time.monotonic() - began:.1f} s after the no")
    other = fleet.files / "berlin-3.desk-1.crt", fleet.files / "berlin-3.desk-1.key"
    eventually(lambda: _let_in(fleet, *other), 20, "the broker that takes another box")
    assert not _let_in(fleet, *mine)
    assert time.monotonic() - began < 60
    since = fleet.run("journalctl -u sered-revocations -o cat").out
    assert "the broker has the list of 1 certificates" in since


def _let_in(fleet: Fleet, certificate: Path, key: Path) -> bool:
    try:
        fleet.connect(certificate, key).close()
    except BrokerError:
        return False
    return True


def test_the_authoritys_key_is_for_the_signing_unit_alone(fleet: Fleet) -> None:
    """Central's own unit, though of the same user, finds it nowhere that root finds it."""
    pid = fleet.run(f"systemctl show -P MainPID {_SIGN}").out
    assert int(pid) > 0
    paths = [f"/etc/sered-central/{_KEY}", f"/run/credentials/{_SIGN}.service/{_KEY}"]
    paths += [f"/proc/{pid}/root{paths[1]}", f"/proc/{pid}/mem", f"/proc/{pid}/environ"]
    script = "".join(f"cat {path} >/dev/null 2>&1 && echo READ {path}\n" for path in paths)
    fleet.server.machine.disk.write(
        "/srv/thief", f"{script}test -r $CREDENTIALS_DIRECTORY/central-key && echo own\nexit 0\n"
    )
    fleet.run(
        "sed -e '/^Restart/d; /^Watchdog/d; /^ExecStartPre/d'"
        " -e 's#^Type=.*#Type=oneshot\\nStandardOutput=file:/root/thief#'"
        " -e 's#^ExecStart=.*#ExecStart=/bin/sh /srv/thief#'"
        " -e 's#^\\(Runtime\\|Working\\)Directory=.*#&-thief#'"
        " /etc/systemd/system/sered-central.service >/run/systemd/system/thief.service;"
        " systemctl daemon-reload; systemctl start thief"
    )
    assert fleet.run("cat /root/thief").out == "own"
    # root can, or the test would prove nothing
    assert f"READ {paths[2]}" in fleet.run("sh /srv/thief").out


def test_the_signing_unit_is_tight(fleet: Fleet) -> None:
    """systemd gives it 1.5 or better; it survives a kill and a store that is away."""
    line = fleet.run(f"systemd-analyze security {_SIGN} --no-pager").out.splitlines()[-1]
    score = float(line.rpartition(": ")[2].split()[0])
    print(f"systemd-analyze security: {score}")
    assert score <= 1.5
    before = fleet.run(f"systemctl show -P MainPID {_SIGN}").out
    fleet.run(f"systemctl kill -s KILL {_SIGN}")

    def back() -> bool:
        said = fleet.run(f"systemctl show -P MainPID -P StatusText {_SIGN}").out.splitlines()
        return said[0] not in ("0", before) and "approved or shut out" in said[-1]

    eventually(back, 60, "another process that looks")
