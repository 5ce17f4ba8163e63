"""A short talk with the broker under a name of its own: no session taken over, no will left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

    from sered.delivery.connection import Connection
    from sered.delivery.subscription import Received, Subscription

ANSWER_S = 4.0
"""For a PUBACK: a broker that takes longer is named as slow or mute."""
_LOOK_S = 0.1


def ask(link: Connection, topic: str, payload: bytes) -> ReasonCode | None:
    """The broker's answer to a message, not retained; None: it gave none in time.

    Raises BrokerError when the connection is over.
    """
    number = link.publish(topic, payload, qos=1, retain=False, expiry_s=1)
    end = time.monotonic() + ANSWER_S
    while time.monotonic() < end:
        for acknowledged, answer in link.pump(_LOOK_S):
            if acknowledged == number:
                return answer
    return None


def hear(
    subscription: Subscription, topic: str, within_s: float, payload: bytes | None = None
) -> Received | None:
    """The first message on a topic, saying this (None: whatever it says); None: it did not come.

    Raises BrokerError when the connection is over.
    """
    end = time.monotonic() + within_s
    while (left := end - time.monotonic()) > 0:
        batch = subscription.take(left, within_s=0.0)
        subscription.acknowledge(batch)
        for each in batch:
            if each.topic == topic and payload in (None, each.body):
                return each
    return None
