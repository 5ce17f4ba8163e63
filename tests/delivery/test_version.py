"""MQTT 3.1.1: spoken where 5 is not known, and an acknowledgement is no proof there."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from broker import Broker, Listener, wait_until
from old_broker import Manner, Old
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = (0.05, 0.2)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    yield spool
    spool.close()


def put(spool: Spool, number: int, size: int = 0) -> None:
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    spool.put("calls", body, key=f"c{number}", line="l")


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    running: list[MqttPublisher] = []

    def start(host: str, port: int, **settings: Any) -> MqttPublisher:
        mqtt = MqttSettings(host=host, port=port, **settings)
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=QUICK)
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)


@pytest.mark.parametrize("manner", ["answers", "hangs up", "is silent"])
def test_fall_back(
    manner: Manner,
    broker: Broker,
    spool: Spool,
    publish: Callable[..., MqttPublisher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that knows no MQTT 5 gets 3.1.1, whatever it does about 5; `status` names it."""
    monkeypatch.setattr("sered.delivery.connection.ANSWER_S", 0.5)
    old = Old(broker, manner)
    publisher = publish("127.0.0.1", old.port)
    put(spool, 1)
    wait_until(lambda: spool.depth == 0)
    assert old.tried[-1] == 4
    assert old.tried.count(5) <= 2
    ((reason, sentence),) = publisher.state.faults
    assert reason == "version"
    assert 'version = "3.1.1"' in sentence
    old.close()


def test_no_fall_back_while_a_broker_restarts(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A broker that has spoken 5 is not taken for an old one when it hangs up in between."""
    old = Old(broker, "hangs up")
    publisher = publish(broker.host, broker.port)
    wait_until(lambda: publisher.state.connected)
    port = broker.port
    broker.kill()
    wait_until(lambda: not publisher.state.connected)
    with socket.create_server(("127.0.0.1", port)) as door:
        door.settimeout(5)
        for _ in range(4):
            sock, _ = door.accept()
            assert b"MQTT\x05" in sock.recv(4096)
            sock.close()
    broker.start()
    wait_until(lambda: publisher.state.connected)
    assert publisher.state.faults == ()
    old.close()


READ_ONLY = "user box\ntopic read sered/site/box/#\n"
WRITE_ONLY = "user box\ntopic write sered/site/box/#\n"


@pytest.mark.parametrize("rules", [READ_ONLY, WRITE_ONLY])
def test_acknowledged_and_thrown_away(
    rules: str,
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under 3.1.1 a verdict that does not come back is kept and said, until the ACL is mended."""
    monkeypatch.setattr("sered.delivery.in_flight._ECHO_S", 0.3)
    monkeypatch.setattr("sered.delivery.refusals._HOLD_S", 1.0)
    broker = start_broker(passwords={"box": "pw"}, acl=rules)
    publisher = publish(broker.host, broker.port, version="3.1.1", username="box", password="pw")
    for number in range(5):
        put(spool, number)
    # another fault may be told first
    wait_until(lambda: "unproven" in dict(publisher.state.faults))
    assert "sered/site/box/#" in dict(publisher.state.faults)["unproven"]
    time.sleep(0.5)
    assert spool.depth == 5
    broker.stop()
    broker.acl = "user box\ntopic readwrite sered/site/box/#\n"
    broker.start()
    wait_until(lambda: spool.depth == 0)
    wait_until(lambda: publisher.state.faults == ())


def test_too_large_and_acknowledged(
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mosquitto's message_size_limit swallows one message under 3.1.1: it is kept, others pass."""
    monkeypatch.setattr("sered.delivery.in_flight._ECHO_S", 0.3)
    monkeypatch.setattr("sered.delivery.refusals._BLOCK_S", (0.3, 0.3))
    broker = start_broker(extra="message_size_limit 2000")
    listener = Listener(broker)
    publisher = publish(broker.host, broker.port, version="3.1.1")
    put(spool, 0, size=5000)
    for number in range(1, 4):
        put(spool, number)
    wait_until(lambda: spool.depth == 1)
    listener.wait("calls", 3)
    assert [m.key for m in spool.peek(9)] == ["c0"]
    assert {"unproven", "too_large"} & set(dict(publisher.state.faults))
    assert publisher.state.refused >= 1
    listener.close()


def test_a_large_report_comes_back(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """Where our own messages come back, a long report is no flood."""
    publisher = publish(broker.host, broker.port, version="3.1.1")
    put(spool, 1, size=1_000_000)
    wait_until(lambda: spool.depth == 0)
    assert publisher.state.lost == 0
