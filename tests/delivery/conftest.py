"""A spool and publishers that carry it, for the tests of the publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sered.delivery.mqtt_publisher import REPEAT_S, MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from broker import Broker
from publishing import QUICK


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool" / "spool.db"))
    yield spool
    spool.close()


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    """Starts publishers for the spool, with `MqttSettings` by name."""
    running: list[MqttPublisher] = []

    def start(broker: Broker, repeat_s: float = REPEAT_S, **settings: Any) -> MqttPublisher:
        mqtt = MqttSettings(**{"host": broker.host, "port": broker.port, **settings})
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=QUICK, repeat_s=repeat_s)
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)
