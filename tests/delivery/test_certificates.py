"""The docs' script makes certificates that a real broker takes, renews and throws out."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from broker import Broker, wait_until
from chaos import box
from project import ROOT
from sered.delivery import certificate
from sered.delivery.homeassistant import box_id
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings
from tls_login import lets_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCS = ROOT / "docs/mqtt"


def make(folder: Path, *words: str, fails: bool = False) -> str:
    """What the script says; it must fail or not as told."""
    done = subprocess.run(
        [str(DOCS / "make-certificates"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (2 if fails else 0), done.stderr
    return done.stderr if fails else done.stdout


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An authority, a broker's certificate, three boxes of a list and a reader."""
    make(tmp_path, "ca")
    make(tmp_path, "broker", "localhost", "127.0.0.1")
    (tmp_path / "boxes.csv").write_text(
        "# the whole fleet\nberlin,desk1\r\nberlin desk2\n\n oslo\tdesk-1 \n"
    )
    assert "3 made" in make(tmp_path, "boxes", "boxes.csv")
    make(tmp_path, "client", "central")
    return tmp_path / "certificates"


def serve(start: Callable[..., Broker], made: Path) -> Broker:
    """A broker by the docs' own file."""
    return start(shipped=made)


def takes(broker: Broker, made: Path, name: str) -> bool:
    """Whether the broker takes the certificate of that name, revoked or not."""
    folder = made if (made / f"{name}.crt").exists() else made / "revoked"
    return lets_in(broker, made / "ca.crt", folder / f"{name}.crt", folder / f"{name}.key")


def test_a_list_of_boxes_is_made_once(made: Path) -> None:
    """Every box of a list has a certificate and its rules; a second run changes nothing."""
    before = (made / "acl").read_text()
    serials = {path.name: path.read_bytes() for path in made.glob("*.crt")}
    assert "0 made" in make(made.parent, "boxes", "boxes.csv")
    assert (made / "acl").read_text() == before
    assert {path.name: path.read_bytes() for path in made.glob("*.crt")} == serials
    for user in ("berlin.desk1", "berlin.desk2", "oslo.desk-1"):
        assert before.count(f"user {user}\n") == 1
    assert f"topic write homeassistant/device/{box_id('oslo', 'desk-1')}/config\n" in before
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.glob("*.key"))


def test_boxes_become_logins_of_rabbitmq(made: Path) -> None:
    """Each box of the rules is a login without a password that may write its own tree only."""
    found = json.loads(make(made.parent, "rabbitmq"))
    assert [each["name"] for each in found["users"]] == [
        line.removeprefix("user ")
        for line in (made / "acl").read_text().splitlines()
        if line.startswith("user ") and "." in line
    ]
    assert {each["password_hash"] for each in found["users"]} == {""}
    rule = found["topic_permissions"][0]
    site, device = rule["user"].split(".")
    assert re.match(rule["write"], f"sered.{site}.{device}.calls")
    assert not re.match(rule["write"], f"sered.{site}.{device}x.calls")
    assert not re.match(rule["write"], f"sered.{site}x{device}.calls")


def test_a_sites_own_broker_may_write_for_its_boxes_only(made: Path) -> None:
    """At Mosquitto and at RabbitMQ: the whole site, no other one, and nothing to read."""
    make(made.parent, "site", "berlin")
    assert (made / "acl").read_text().endswith("\nuser site-berlin\ntopic write sered/berlin/#\n")
    found = json.loads(make(made.parent, "rabbitmq"))
    (rule,) = (each for each in found["topic_permissions"] if each["user"] == "site-berlin")
    assert re.match(rule["write"], "sered.berlin.desk7.calls")
    assert not re.match(rule["write"], "sered.berlin2.desk7.calls")
    assert "is revoked" in make(made.parent, "revoke", "site-berlin")
    assert "site-berlin" not in (made / "acl").read_text()


def test_a_server_answers_and_asks(made: Path) -> None:
    """A host of a cluster has one certificate for both, by its names, renewed with both."""
    make(made.parent, "server", "pg1", "pg1", "front", "10.0.0.7")
    for _ in range(2):
        words = ["openssl", "x509", "-in", str(made / "pg1.crt"), "-noout"]
        words += ["-ext", "extendedKeyUsage,subjectAltName"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert "TLS Web Server Authentication, TLS Web Client Authentication" in said
        assert "DNS:pg1, DNS:front, IP Address:10.0.0.7" in said
        make(made.parent, "renew", "pg1")
    assert "wanted: make-certificates server" in make(made.parent, "server", "pg2", fails=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("berlin desk1 extra\n", "line 1"),
        ("oslo a\nberlin\n", "line 2"),
        ("oslo a\nos/lo b\n", "line 2"),
        ("oslo a\noslo b\noslo a\n", "stands twice in .* line 3"),
        ("# none\n", "no box"),
    ],
)
def test_a_list_with_a_mistake_makes_nothing(tmp_path: Path, text: str, wanted: str) -> None:
    """The line at fault is named before the first key is made."""
    make(tmp_path, "ca")
    (tmp_path / "boxes").write_text(text)
    assert re.search(wanted, make(tmp_path, "boxes", "boxes", fails=True))
    assert [path.name for path in (tmp_path / "certificates").glob("*.key")] == ["ca.key"]


def test_renewing_keeps_key_names_and_rules(
    made: Path, start_broker: Callable[..., Broker]
) -> None:
    """A renewed certificate is another one for the same key, and no rule is doubled."""
    rules = (made / "acl").read_text()
    key, old = (made / "berlin.desk1.key").read_bytes(), (made / "berlin.desk1.crt").read_bytes()
    make(made.parent, "renew", "berlin.desk1", "broker")
    assert (made / "berlin.desk1.key").read_bytes() == key
    assert (made / "berlin.desk1.crt").read_bytes() != old
    assert (made / "acl").read_text() == rules
    assert takes(serve(start_broker, made), made, "berlin.desk1")
    assert "0 renewed" in make(made.parent, "renew", "--before", "800")
    assert "5 renewed" in make(made.parent, "renew", "--before", "900")
    assert "no certificate" in make(made.parent, "renew", "nobody", fails=True)


def test_a_revoked_box_stays_out(made: Path, start_broker: Callable[..., Broker]) -> None:
    """Every certificate of a revoked box is refused, renewed ones too; the others get in."""
    make(made.parent, "renew", "berlin.desk1")
    broker = serve(start_broker, made)
    assert takes(broker, made, "berlin.desk1")
    make(made.parent, "revoke", "berlin.desk1")
    assert "user berlin.desk1" not in (made / "acl").read_text()
    assert "user berlin.desk2" in (made / "acl").read_text()
    broker.stop()
    broker.start()
    assert not takes(broker, made, "berlin.desk1")
    assert takes(broker, made, "berlin.desk2")
    make(made.parent, "box", "berlin", "desk1")
    assert takes(broker, made, "berlin.desk1")
    assert (made / "acl").read_text().count("user berlin.desk1\n") == 1


@pytest.mark.parametrize(
    "words",
    [("client", "../x"), ("client", "a.b"), ("box", "a", ""), ("revoke", "ca"), ("renew", "../ca")],
)
def test_names_that_lead_elsewhere_are_refused(made: Path, words: tuple[str, ...]) -> None:
    """No name leaves the folder, passes for a box's login, or is the authority's own."""
    make(made.parent, *words, fails=True)


def test_the_first_end_of_our_certificates_is_known(made: Path) -> None:
    """The box knows the name in its certificate and when the first of all it uses ends."""
    own = made / "oslo.desk-1.crt"
    assert certificate.name(own) == "oslo.desk-1"
    mqtt = MqttSettings(tls=True, ca=made / "ca.crt", cert=own, key=made / "oslo.desk-1.key")
    end = certificate.first_end(mqtt)
    assert end is not None
    left = end - datetime.now(UTC)
    assert timedelta(days=824) < left <= timedelta(days=825)
    assert certificate.first_end(MqttSettings()) is None
    assert certificate.ends(made / "acl") is None
    assert certificate.ends(made / "nothing") is None


def test_the_docs_subscriber_speaks_tls_with_them(
    made: Path, start_broker: Callable[..., Broker], tmp_path: Path
) -> None:
    """A call that a box sends with its certificate is stored by the subscriber with its own."""
    make(made.parent, "box", box.SITE, box.DEVICE)
    rules, own = made / "acl", f"{box.SITE}.{box.DEVICE}"
    rules.write_text((DOCS / "acl").read_text() + rules.read_text())
    broker = serve(start_broker, made)
    tls = f'tls = true\nca = "{made}/ca.crt"\n'
    (tmp_path / "central.toml").write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.readers_port}\n{tls}'
        f'cert = "{made}/central.crt"\nkey = "{made}/central.key"\n'
    )
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, DOCS / "subscriber.py", tmp_path / "central.toml", tmp_path / "db"],
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: "sered/+/+/calls" in broker.log.read_text(), what="its subscription")
        mqtt = MqttSettings(
            host="127.0.0.1", port=broker.port, tls=True, ca=made / "ca.crt",
            cert=made / f"{own}.crt", key=made / f"{own}.key",
        )  # fmt: skip
        spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
        publisher = MqttPublisher(mqtt, box.SITE, box.DEVICE, spool)
        publisher.start()
        box.put(spool, 1)
        publisher.wake()

        def stored() -> int:
            with sqlite3.connect(tmp_path / "db") as db:
                return int(db.execute("SELECT count(*) FROM calls").fetchone()[0])

        wait_until(lambda: stored() == 1, what="the call to be stored")
        publisher.stop(2.0)
        spool.close()
    finally:
        process.terminate()
        process.wait(10)
