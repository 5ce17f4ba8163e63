"""What MQTT 5 lets us say beside a connection and a message."""

from __future__ import annotations

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def of_connect(session_s: int, largest_in: int, most_in: int) -> Properties:
    """How long we are remembered, bytes of the largest packet and messages at once that we take."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    properties.SessionExpiryInterval = session_s
    properties.MaximumPacketSize = largest_in
    properties.ReceiveMaximum = most_in
    return properties


def of_publish(expiry_s: int) -> Properties:
    """That a payload is JSON in UTF-8, and after how many seconds it is too old; 0: never."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/json"
    if expiry_s:
        properties.MessageExpiryInterval = expiry_s
    return properties
