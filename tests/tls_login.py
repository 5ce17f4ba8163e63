"""Whether a broker takes a certificate, asked as a box asks."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sered.delivery.connection import Connection
from sered.errors import BrokerError
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path

    from broker import Broker


def lets_in(broker: Broker, ca: Path, certificate: Path, key: Path) -> bool:
    """Whether the broker lets its owner in; raises BrokerError when it says neither yes nor no."""
    mqtt = MqttSettings(
        host=broker.host, port=broker.port, tls=True, ca=ca, cert=certificate, key=key
    )
    try:
        with closing(Connection(mqtt, certificate.stem)):
            return True
    except BrokerError as error:
        if error.reason == "mute":
            raise
        return False
