"""What the publisher promises, each with a real Mosquitto."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from broker import Authority, Broker, Listener, free_port, wait_until
from sered.errors import ConfigError
from sered.publish import MqttPublisher
from sered.settings import MqttSettings, SpoolSettings
from sered.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = (0.05, 0.2)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool" / "spool.db"))
    yield spool
    spool.close()


def put(spool: Spool, number: int, leaf: str = "calls", size: int = 0) -> bool:
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    return spool.put(leaf, body, key=f"{leaf}-{number}", line="line1", at=time.time())


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    """Starts publishers for the spool, with `MqttSettings` by name."""
    running: list[MqttPublisher] = []

    def start(broker: Broker, **settings: Any) -> MqttPublisher:
        mqtt = MqttSettings(**{"host": broker.host, "port": broker.port, **settings})
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=QUICK)
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)


def numbers(payloads: list[bytes]) -> list[int]:
    return [json.loads(payload)["n"] for payload in payloads]


def test_delivery(broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]) -> None:
    """Whatever is put arrives in order, and then the spool is empty."""
    listener = Listener(broker)
    publisher = publish(broker)
    for number in range(200):
        put(spool, number)
        publisher.wake()
    assert numbers(listener.wait("calls", 200)) == list(range(200))
    wait_until(lambda: spool.depth == 0)
    assert publisher.state.published == 200
    listener.close()
