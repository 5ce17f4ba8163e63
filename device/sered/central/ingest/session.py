"""Central's session at the broker: persistent, MQTT 5, through sered's one subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.contract import topics
from sered.delivery.broker import client_id
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from sered.central.sources import SourceSettings
    from sered.delivery.subscription import Subscription

LEAVES = ("calls", "alerts", "status", "health")
_SHARED = (
    "host", "port", "username", "password", "client_id", "base", "tls", "ca", "cert", "key",
    "insecure", "keepalive_s",
)  # fmt: skip


def mqtt_settings(source: SourceSettings) -> MqttSettings:
    """How the box's half of sered describes the same broker."""
    known = {name: getattr(source, name) for name in _SHARED}
    secured = source.tls or any(url.startswith("amqps:") for url in source.amqp)
    return MqttSettings(**known | {"tls": secured})


def connect(source: SourceSettings) -> Subscription:
    """A subscription that stands; raises BrokerError, ConfigError."""
    from sered.delivery.subscription import Subscription  # noqa: PLC0415 - loads paho

    mqtt = mqtt_settings(source)
    return Subscription(
        mqtt,
        [topics.topic_filter(source.base, leaf=leaf) for leaf in LEAVES],
        client_id=client_id(mqtt, "central"),
        session_s=int(source.session_days * 86_400),
        most=source.batch,
    )
