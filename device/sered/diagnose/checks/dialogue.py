"""A short talk with the broker under a name of its own: no session taken over, no will left."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

from sered.delivery.broker import make_client, refusal, unreachable
from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from sered.settings import MqttSettings

ANSWER_S = 4.0
_QOS = 1


class Dialogue:
    """A connection that stands; raises BrokerError when it does not come about or breaks.

    Use as a context: it says goodbye at the end.
    """

    def __init__(self, mqtt: MqttSettings, client_id: str) -> None:
        self._mqtt, self._client_id = mqtt, client_id
        self._reasons: list[ReasonCode] = []
        self._over: BrokerError | None = None
        self._codes: dict[int, ReasonCode] = {}
        self.messages: list[tuple[str, bytes]] = []
        """(topic, payload) of all that came."""
        self._client = client = make_client(mqtt, client_id)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        try:
            client.connect(mqtt.host, mqtt.port, mqtt.keepalive_s)
        except (OSError, ValueError) as error:
            raise unreachable(mqtt, error) from None
        if not self._pump(lambda: bool(self._reasons)):
            msg = f"The broker {mqtt.host}:{mqtt.port} took the connection and says nothing."
            raise BrokerError(msg, "mute")
        if self._reasons[0].is_failure:
            raise refusal(mqtt, self._reasons[0], client_id)

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        end = time.monotonic() + 0.5
        while self._client.want_write() and time.monotonic() < end:
            self._client.loop_write()

    def publish(self, topic: str, payload: bytes) -> ReasonCode | None:
        """The broker's answer to a message, not retained; None: it gave none in time."""
        properties: Any = None
        if self._mqtt.version == "5":
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties

            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
            properties.MessageExpiryInterval = 1
        number = self._client.publish(topic, payload, _QOS, properties=properties).mid
        self._pump(lambda: number in self._codes)
        return self._codes.get(number)

    def subscribe(self, topic: str) -> bool:
        """Whether the broker lets us listen there."""
        _, number = self._client.subscribe(topic, _QOS)
        assert number is not None, "the connection stands"
        self._pump(lambda: number in self._codes)
        code = self._codes.get(number)
        return code is not None and not code.is_failure

    def wait_for(self, topic: str, payload: bytes | None = None, within_s: float = 1.0) -> bool:
        """Whether a message comes on a topic in time; None: whatever it says."""

        def came() -> bool:
            return any(t == topic and payload in (None, p) for t, p in self.messages)

        return self._pump(came, within_s)

    def _pump(self, done: Callable[[], bool], within_s: float = ANSWER_S) -> bool:
        """Let the network work until it is done; whether that came in time."""
        end = time.monotonic() + within_s
        while not done():
            sock, left = self._client.socket(), end - time.monotonic()
            if sock is None or self._over is not None:
                where = f"{self._mqtt.host}:{self._mqtt.port}"
                raise self._over or BrokerError(f"The broker {where} hung up.", "lost")
            if left <= 0:
                return False
            # TLS may hold bytes that the socket no longer shows
            if not (hasattr(sock, "pending") and sock.pending()):
                select.select([sock], [sock] if self._client.want_write() else [], [], left)
            self._client.loop_read()
            if self._client.want_write():
                self._client.loop_write()
        return True

    def _on_connect(
        self, _c: Client, _u: object, _f: object, reason: ReasonCode, _p: object
    ) -> None:
        self._reasons.append(reason)

    def _on_disconnect(
        self, _c: Client, _u: object, flags: Any, reason: ReasonCode, _p: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._over = refusal(self._mqtt, reason, self._client_id)

    def _on_publish(self, _c: Client, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._codes[mid] = reason

    def _on_subscribe(
        self, _c: Client, _u: object, mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        self._codes[mid] = reasons[0]

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload)))
