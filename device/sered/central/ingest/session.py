"""Central's session at the broker: persistent, MQTT 5, each message acknowledged when we say so."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

from sered.central.ingest.sifting import Arrived
from sered.contract import topics
from sered.delivery.broker import LARGEST_READ, client_id, make_client, refusal, unreachable
from sered.errors import BrokerError
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from sered.central.settings import SourceSettings

LEAVES = ("calls", "alerts", "status", "health")
_IDLE_S = 0.008
"""When nothing has come for so long, a batch is whole: a broker with few messages in flight waits
for our acknowledgement."""
_log = logging.getLogger(__name__)


def mqtt_settings(source: SourceSettings) -> MqttSettings:
    """How the box's half of sered describes the same broker."""
    shared = ("host", "port", "username", "password", "client_id", "base", "tls", "ca", "cert",
              "key", "insecure", "keepalive_s")  # fmt: skip
    return MqttSettings(**{name: getattr(source, name) for name in shared})


class Session:
    """One connection; `batch` gives messages, `acknowledge` ends them. Not reconnecting itself.

    Raises BrokerError when it does not come about. Unacknowledged messages come again with the
    next session: acknowledgements of this one are never sent on another.
    """

    def __init__(self, source: SourceSettings) -> None:
        self._source, self._mqtt = source, mqtt_settings(source)
        self._name = client_id(self._mqtt, "central")
        self._arrived: queue.SimpleQueue[Arrived | None] = queue.SimpleQueue()
        self._up, self._over = threading.Event(), threading.Event()
        self.why: BrokerError | None = None
        self._client = make_client(self._mqtt, self._name, largest_in=LARGEST_READ)
        self._client.manual_ack_set(on=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._open()

    def _open(self) -> None:
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 - with the client, late
        from paho.mqtt.properties import Properties  # noqa: PLC0415 - as above

        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = int(self._source.session_days * 86_400)
        properties.ReceiveMaximum = min(self._source.batch * 2, 65_535)
        try:
            self._client.connect(
                self._mqtt.host, self._mqtt.port, self._mqtt.keepalive_s,
                clean_start=False, properties=properties,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise unreachable(self._mqtt, error) from None
        self._client.loop_start()
        if not self._up.wait(10.0) and self.why is None:
            self.why = BrokerError(
                f"The broker {self._mqtt.host}:{self._mqtt.port} took the connection and says "
                "nothing. Is it an MQTT broker, and is it overloaded?"
            )
        if self.why is not None:
            self.close()
            raise self.why

    def batch(self, within_s: float) -> list[Arrived]:
        """Up to `[source] batch` messages of `batch_ms`; none: nothing came within `within_s`.

        Raises BrokerError once the connection is over; what it gave before is not lost.
        """
        found: list[Arrived] = []
        wait_s = within_s
        for _ in range(self._source.batch):
            try:
                one = self._arrived.get(timeout=wait_s)
            except queue.Empty:
                break
            if one is None:
                break
            found.append(one)
            wait_s = min(_IDLE_S, self._source.batch_ms / 1000)
        if not found and self._over.is_set():
            raise self.why or BrokerError("The connection to the broker was cut.", "lost")
        return found

    def acknowledge(self, batch: Iterable[Arrived]) -> None:
        """The store has them; on a connection that is over it does nothing."""
        for arrived in batch:
            if not self._over.is_set() and isinstance(arrived.token, tuple):
                self._client.ack(*arrived.token)

    def close(self) -> None:
        """Say goodbye; the broker keeps what comes meanwhile."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self.why = refusal(self._mqtt, reason, self._name)
            self._up.set()
            return
        wanted = [(topics.topic_filter(self._source.base, leaf=leaf), 1) for leaf in LEAVES]
        client.subscribe(wanted)

    def _on_subscribe(
        self, _c: Client, _u: object, _mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            user = self._source.username or "everybody"
            msg = f"The broker does not let {user} read {self._source.base}/#. Check its ACL."
            self.why = BrokerError(msg, "denied")
        self._up.set()

    def _on_disconnect(
        self, _c: Client, _u: object, flags: DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        self._over.set()
        if flags.is_disconnect_packet_from_server:
            self.why = refusal(self._mqtt, reason, self._name)
        self._up.set()
        self._arrived.put(None)

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        token: tuple[int, int] | None = (message.mid, message.qos) if message.qos else None
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._arrived.put(Arrived(topic, bytes(message.payload), message.retain, token))
