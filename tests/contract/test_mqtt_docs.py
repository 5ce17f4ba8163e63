"""What docs/mqtt promises: every file in it is used here as its reader would use it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.publish import single

from broker import Broker, Listener, make_certificates, wait_until
from brokers.table import markdown
from chaos import box
from project import ROOT
from sered.delivery.broker import client_id
from sered.delivery.homeassistant import box_id
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.delivery.subscription import Subscription
from sered.settings import MqttSettings, Settings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


DOCS = ROOT / "docs" / "mqtt"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Programs that a test starts; ended after it."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.terminate()
        process.communicate(timeout=10)


def publish_calls(mqtt: MqttSettings, tmp_path: Path, numbers: range, site: str = "site") -> None:
    """A box that delivers some calls and stops."""
    spool = Spool(SpoolSettings(path=tmp_path / "box" / "spool.db"))
    publisher = MqttPublisher(mqtt, site, "box", spool, delays_s=(0.05, 0.2))
    publisher.start()
    for number in numbers:
        box.put(spool, number)
        publisher.wake()
    wait_until(lambda: not spool.depth, what="delivery")
    publisher.stop(2.0)
    spool.close()


def test_subscriber(broker: Broker, tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    """The Python subscriber stores each call once, although all come twice and one is broken."""
    file = tmp_path / "calls.db"
    watcher = Listener(broker, client_id="watcher")
    settings = tmp_path / "sered.toml"
    settings.write_text(f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n')
    program = [sys.executable, str(DOCS / "subscriber.py"), str(settings), str(file)]
    with (tmp_path / "said").open("w") as said:
        started.append(subprocess.Popen([*program], text=True, stdout=said))
    wait_until(
        lambda: "sered/central 1 sered/+/+/calls" in broker.log.read_text(), what="subscription"
    )
    mqtt = MqttSettings(host=broker.host, port=broker.port)
    publish_calls(mqtt, tmp_path, range(20))
    single("sered/site/box/calls", "[" * 5000, qos=1, hostname=broker.host, port=broker.port)
    publish_calls(mqtt, tmp_path, range(20))
    watcher.wait("calls", 41)

    def stored() -> list[tuple[str]]:
        with sqlite3.connect(file) as db:
            rows = db.execute("SELECT call_id FROM calls ORDER BY call_id").fetchall()
        db.close()
        return rows

    wait_until(lambda: len(stored()) == 20)
    assert stored() == [(f"call-{n:07d}",) for n in range(20)]
    watcher.close()


def readme_commands(word: str) -> list[str]:
    """Commands in the README's shell blocks that contain the word."""
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "README.md").read_text(), re.DOTALL)
    return [row for block in blocks for row in block.splitlines() if word in row]


@pytest.mark.parametrize("number", [0, 1])
def test_mosquitto_sub(
    number: int, broker: Broker, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    """Both mosquitto_sub commands of the README show each call."""
    command = readme_commands("mosquitto_sub")[number]
    command = command.replace("-h localhost", f"-h {broker.host} -p {broker.port}")
    process = subprocess.Popen(["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True)
    started.append(process)
    wait_until(lambda: "SUBACK" in broker.log.read_text(), what="subscription")
    publish_calls(MqttSettings(host=broker.host, port=broker.port), tmp_path, range(5))
    assert process.stdout
    seen = [json.loads(process.stdout.readline())["call_id"] for _ in range(5)]
    assert seen == [f"call-{n:07d}" for n in range(5)]


def test_shared_subscription(
    broker: Broker, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    """Two members of a shared subscription get every call once between them."""
    (command,) = readme_commands("$share")
    command = command.replace("-h localhost", f"-h {broker.host} -p {broker.port}")
    files = [tmp_path / "central-1", tmp_path / "central-2"]
    for file in files:
        each = command.replace("central-1", file.name)
        with file.open("w") as out:
            started.append(subprocess.Popen(["sh", "-c", f"exec {each}"], stdout=out, text=True))
    wait_until(lambda: broker.log.read_text().count("Sending SUBACK") == 2, what="subscriptions")
    publish_calls(MqttSettings(host=broker.host, port=broker.port), tmp_path, range(30))

    def rows() -> list[list[str]]:
        return [[json.loads(r)["call_id"] for r in f.read_text().splitlines()] for f in files]

    wait_until(lambda: sum(map(len, rows())) == 30)
    first, second = rows()
    assert first
    assert second
    assert sorted(first + second) == [f"call-{n:07d}" for n in range(30)]


@pytest.fixture
def secured(
    tmp_path: Path, start_broker: Callable[..., Broker]
) -> tuple[Broker, Path, MqttSettings]:
    """A broker by the README: its certificates, its mosquitto.conf, its ACL; one box."""
    made = make_certificates(tmp_path, "site box", "site rival")
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.glob("*.key"))
    broker = start_broker(shipped=made)
    mqtt = MqttSettings(
        host="127.0.0.1",
        port=broker.port,
        tls=True,
        ca=made / "ca.crt",
        cert=made / "site.box.crt",
        key=made / "site.box.key",
    )
    return broker, made, mqtt


def client(broker: Broker, made: Path, name: str, client_id: str = "") -> paho.Client:
    """A connected client with the certificate of that name."""
    found = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id or name, protocol=paho.MQTTv5
    )
    found.tls_set(str(made / "ca.crt"), str(made / f"{name}.crt"), str(made / f"{name}.key"))
    found.connect(broker.host, broker.port)
    found.loop_start()
    wait_until(found.is_connected)
    return found


def test_certificates_and_acl(secured: tuple[Broker, Path, MqttSettings], tmp_path: Path) -> None:
    """With the files as they are, a box writes its own tree, central reads it, a rival neither."""
    broker, made, mqtt = secured
    got: dict[str, list[str]] = {"central": [], "site.rival": []}
    clients = [client(broker, made, name) for name in got]
    for each, seen in zip(clients, got.values(), strict=True):
        each.on_message = lambda _c, _u, m, seen=seen: seen.append(m.topic)
        each.subscribe("#", qos=1)
    wait_until(lambda: broker.log.read_text().count("Sending SUBACK") == 2)
    publish_calls(mqtt, tmp_path, range(3))
    wait_until(lambda: got["central"].count("sered/site/box/calls") == 3)
    clients[1].publish("sered/site/box/calls", b"forged", qos=0)
    clients[1].publish("sered/site/rival/calls", b"own", qos=0)
    wait_until(lambda: "sered/site/rival/calls" in got["central"])
    assert got["central"].count("sered/site/box/calls") == 3
    assert not [topic for topic in got["site.rival"] if "/box/" in topic]
    for each in clients:
        each.disconnect()
        each.loop_stop()


def test_no_box_can_pass_for_another_client(
    secured: tuple[Broker, Path, MqttSettings], tmp_path: Path
) -> None:
    """By the docs' own files a box that tries every guessable client id disturbs nobody."""
    broker, made, mqtt = secured
    reader = MqttSettings(
        host=broker.host,
        port=broker.readers_port,
        tls=True,
        ca=made / "ca.crt",
        cert=made / "central.crt",
        key=made / "central.key",
    )
    spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=(0.05, 0.2))
    central = Subscription(
        reader, ["sered/+/+/calls"], client_id=client_id(reader, "central"), session_s=3600
    )
    publisher.start()
    wait_until(lambda: publisher.state.connected)
    central.close()
    names = ["central", "sered-central", "sered/central", "sered/site/box", "sered-site-box"]
    for name in (*names, "site.box", "box"):
        rogue = client(broker, made, "site.rival", name)
        rogue.disconnect()
        rogue.loop_stop()
    box.put(spool, 1)
    publisher.wake()
    wait_until(lambda: not spool.depth)
    assert (publisher.state.lost, publisher.state.unheard) == (0, 0), "central's queue is there"
    publisher.stop(1.0)
    spool.close()


def test_certificates_are_not_overwritten(tmp_path: Path) -> None:
    """The script never replaces a key, and says what it wants."""
    script = str(DOCS / "make-certificates")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert "make-certificates ca" in run("box", "site", "box").stderr
    assert run("ca").returncode == 0
    assert "already" in run("ca").stderr
    assert run("box", "site", "../box").returncode == 2
    assert run().returncode == 2


def test_readme_configuration() -> None:
    """The README's sered.toml is valid."""
    import tomllib

    text = re.findall(r"```toml\n(.*?)```", (DOCS / "README.md").read_text(), re.DOTALL)[0]
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.mqtt.tls
    assert settings.device == "desk1"


def test_readme_brokers() -> None:
    """The table of brokers is the one that `make test-brokers` holds them to."""
    assert f"<!-- brokers -->\n{markdown()}<!-- end -->" in (DOCS / "README.md").read_text()


def test_readme_links() -> None:
    """Every file that the README links is there, and every file there is linked."""
    links = set(re.findall(r"\]\(([\w.-]+)\)", (DOCS / "README.md").read_text()))
    files = {path.name for path in DOCS.iterdir()} - {"README.md"}
    assert links <= files
    assert files - links <= {"make-schemas"}
    assert os.access(DOCS / "make-certificates", os.X_OK)


def test_home_assistant(broker: Broker, tmp_path: Path) -> None:
    """The announcement is retained and names only topics and fields that the box publishes."""
    mqtt = MqttSettings(host=broker.host, port=broker.port, home_assistant=True)
    publish_calls(mqtt, tmp_path, range(1))
    listener = Listener(broker)
    payload = json.loads(listener.wait("config")[0])
    topic = next(topic for topic, _, _ in listener.messages if topic.endswith("/config"))
    assert topic == f"homeassistant/device/{box_id('site', 'box')}/config"
    for entity in payload["components"].values():
        leaf = entity["state_topic"].removeprefix("sered/site/box/")
        schema = json.loads((DOCS / f"{leaf}.schema.json").read_text())
        for field in re.findall(r"value_json\.(\w+)", entity["value_template"]):
            assert field in schema["properties"]
    listener.close()
