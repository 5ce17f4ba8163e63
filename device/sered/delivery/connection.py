"""One connection to the broker, from CONNECT to its end; its owner pumps it."""

from __future__ import annotations

import select
import struct
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from sered.delivery import properties
from sered.delivery.broker import (
    LARGEST_IN,
    LARGEST_READ,
    UnansweredError,
    hung_up,
    make_client,
    refusal,
    unreachable,
)
from sered.errors import BrokerError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties

    from sered.settings import MqttSettings

ANSWER_S = 5.0
"""For CONNACK and SUBACK: a broker that is overloaded takes its time."""
_WIRE = (OSError, ValueError, TypeError, LookupError, struct.error, MQTTException)
"""What a broken network or a broken broker makes paho raise."""


class Connection:
    """A connection that stands; raises BrokerError when it does not come about or is over.

    `will`: topic and payload that the broker publishes when we vanish. `qos` and `retain` are
    those of the will. `watch`: topics of ours that are listened for where MQTT 3.1.1 is spoken.
    `receive` is called with every message that comes, which its owner acknowledges; without it
    all others are passed over. `session_s`: how long the broker keeps what comes while we are away;
    0: it forgets us. `most_in`: messages that it may send before one is acknowledged (MQTT 5).
    `given_up` is asked while the broker lets us wait.
    """

    receive_maximum = 65_535
    maximum_packet = 268_435_455
    maximum_qos = 1
    retain_available = True

    def __init__(
        self,
        mqtt: MqttSettings,
        client_id: str,
        will: tuple[str, bytes] | None = None,
        *,
        qos: int = 1,
        retain: bool = True,
        watch: Collection[str] = (),
        receive: Callable[[MQTTMessage], None] | None = None,
        session_s: int = 0,
        most_in: int = 65_535,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._mqtt, self._client_id = mqtt, client_id
        self._reason: ReasonCode | None = None
        self._over: BrokerError | None = None
        self._acks: list[tuple[int, ReasonCode]] = []
        self._watch = frozenset(watch if mqtt.version == "3.1.1" else ())
        self._granted: dict[int, Sequence[ReasonCode]] = {}
        self._listening: Sequence[ReasonCode] = ()
        self._heard: list[tuple[str, bytes]] = []
        self.ignored = 0
        self.since = time.monotonic()
        # what is larger an MQTT 5 broker drops: it poisons no session
        self._largest_in = LARGEST_READ if receive else LARGEST_IN
        self._client = make_client(
            mqtt,
            client_id,
            persistent=session_s > 0,
            largest_in=LARGEST_READ if self._watch else self._largest_in,
        )
        self._client.max_inflight_messages_set(65_535)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = self._on_unsubscribe
        self._client.on_message = self._on_message
        if receive is not None:
            self._client.manual_ack_set(on=True)
            self._client.on_message = lambda _c, _u, message: receive(message)
        if will is not None:
            self._client.will_set(*will, qos=qos, retain=retain)
        self._open(given_up, session_s, most_in)
        if self._watch:
            self._listen(given_up)

    def _open(self, given_up: Callable[[], bool], session_s: int, most_in: int) -> None:
        mqtt = self._mqtt
        more: dict[str, Any] = {}
        if mqtt.version == "5":
            more["properties"] = properties.of_connect(session_s, self._largest_in, most_in)
            more["clean_start"] = not session_s
        try:
            self._client.connect(mqtt.host, mqtt.port, mqtt.keepalive_s, **more)
        except _WIRE as error:
            self.drop()
            raise unreachable(mqtt, error) from None
        end = time.monotonic() + ANSWER_S
        while self._reason is None:
            if time.monotonic() > end or given_up():
                self.drop()
                msg = f"The broker {mqtt.host}:{mqtt.port} took the connection and says nothing."
                raise UnansweredError(f"{msg} Is it an MQTT broker, and is it overloaded?", "mute")
            self._await_answer()
        if self._reason.is_failure:
            self.drop()
            raise refusal(mqtt, self._reason, self._client_id)

    def _await_answer(self) -> None:
        try:
            self.pump(0.25)
        except BrokerError as error:
            if self._reason is not None or self._over is not None:
                return
            raise hung_up(self._mqtt) from error

    def _listen(self, given_up: Callable[[], bool]) -> None:
        """Have our own messages sent back, once each: what does not come was not taken."""
        _, number = self._client.subscribe([(topic, 0) for topic in sorted(self._watch)])
        end = time.monotonic() + ANSWER_S
        while number not in self._granted:
            where = f"{self._mqtt.host}:{self._mqtt.port}"
            if time.monotonic() > end or given_up():
                self.drop()
                msg = f"The broker {where} does not answer when we ask for our own messages."
                raise BrokerError(msg, "unproven")
            try:
                self.pump(0.25)
            except BrokerError as error:
                msg = f"The broker {where} hangs up when we ask for our own messages."
                raise BrokerError(msg, "unproven") from error
        self._listening = self._granted.pop(number or 0)

    def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Listen. Raises BrokerError (`denied`) where the broker does not let us."""
        _, number = self._client.subscribe([(each, qos) for each in filters])
        end = time.monotonic() + ANSWER_S
        where = f"The broker {self._mqtt.host}:{self._mqtt.port}"
        while number not in self._granted:
            if time.monotonic() > end:
                raise BrokerError(f"{where} does not answer our subscription.", "mute")
            self.pump(0.25)
        for each, reason in zip(filters, self._granted.pop(number or 0), strict=False):
            if reason.is_failure:
                msg = f"{where} does not let us read {each} ({reason.getName()}). Mend its ACL."
                raise BrokerError(msg, "denied")

    def acknowledge(self, number: int, qos: int) -> None:
        """Tell the broker that we have a message, in the order in which they came."""
        try:
            self._client.ack(number, qos)
        except _WIRE as error:
            raise self._broken(error) from None

    @property
    def watches(self) -> bool:
        """Whether our own messages come back to us."""
        return bool(self._listening) and not any(code.is_failure for code in self._listening)

    @property
    def watch_refused(self) -> bool:
        """Whether they should, and the broker's rules do not let them."""
        return bool(self._listening) and not self.watches

    def heard(self) -> list[tuple[str, bytes]]:
        """(topic, payload) of what came back since this was last asked."""
        heard, self._heard = self._heard, []
        return heard

    def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int = 0
    ) -> int:
        """Hand a message to the network; the id that its acknowledgement will carry."""
        told = properties.of_publish(expiry_s) if self._mqtt.version == "5" else None
        try:
            return self._client.publish(topic, payload, qos, retain, told).mid
        except _WIRE as error:
            raise self._broken(error) from None

    def ask(self) -> int:
        """Have the broker answer something; the id that the answer will carry in pump()."""
        try:
            # we are subscribed to nothing there: it changes nothing, and every broker answers
            _, mid = self._client.unsubscribe(f"{self._client_id}/nothing")
        except _WIRE as error:
            raise self._broken(error) from None
        return mid or 0

    def pump(
        self, timeout_s: float, wake: socket.socket | None = None
    ) -> list[tuple[int, ReasonCode]]:
        """Let the network work until something came or `wake` can be read: (id, code) of each ack.

        Raises BrokerError once the connection is over and its last acks were given out.
        """
        sock = self._client.socket()
        if sock is None:
            raise self._over or self._cut()
        pending = sock.pending() if hasattr(sock, "pending") else 0
        reading = [sock, wake] if wake else [sock]
        writing = [sock] if self._client.want_write() else []
        try:
            readable, writable, _ = select.select(
                reading, writing, [], 0 if pending else max(timeout_s, 0)
            )
            if wake in readable and wake:
                wake.recv(4096)
            if sock in readable or pending:
                self._client.loop_read()
            if sock in writable and self._client.socket():
                self._client.loop_write()
            if self._client.socket():
                self._client.loop_misc()
        except _WIRE as error:
            raise self._broken(error) from None
        acks, self._acks = self._acks, []
        return acks

    def close(self, within_s: float = 0.5) -> None:
        """Say goodbye, so that the broker does not publish the will."""
        self._client.disconnect()
        end = time.monotonic() + within_s
        try:
            while self._client.want_write() and time.monotonic() < end:
                self.pump(0.05)
        except BrokerError:
            pass
        self.drop()

    def drop(self) -> None:
        """Let go of the socket without a word; the broker publishes the will."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _cut(self) -> BrokerError:
        if self._client.flood:
            where = f"{self._mqtt.host}:{self._mqtt.port}"
            msg = f"The broker {where} {self._client.flood}: we hang up. Is it a broker of yours?"
            return BrokerError(msg, "flood")
        return BrokerError(self._lost_sentence("was cut"), "lost")

    def _broken(self, error: Exception) -> BrokerError:
        self.drop()
        said = str(error) or type(error).__name__
        return BrokerError(self._lost_sentence(f"broke ({said})"), "lost")

    def _lost_sentence(self, how: str) -> str:
        return f"The connection to the broker {self._mqtt.host}:{self._mqtt.port} {how}."

    def _on_connect(
        self, _c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        self._reason = reason
        if given is None:
            return
        self.receive_maximum = getattr(given, "ReceiveMaximum", self.receive_maximum)
        self.maximum_packet = getattr(given, "MaximumPacketSize", self.maximum_packet)
        self.maximum_qos = getattr(given, "MaximumQoS", self.maximum_qos)
        self.retain_available = bool(getattr(given, "RetainAvailable", 1))

    def _on_disconnect(
        self, _c: Client, _u: object, flags: DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._over = refusal(self._mqtt, reason, self._client_id)

    def _on_publish(self, _c: Client, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._acks.append((mid, reason))

    def _on_subscribe(
        self, _c: Client, _u: object, mid: int, reasons: Sequence[ReasonCode], _p: object
    ) -> None:
        self._granted[mid] = reasons

    def _on_unsubscribe(self, _c: Client, _u: object, mid: int, _r: object, _p: object) -> None:
        self._acks.append((mid, ReasonCode(PacketTypes.PUBACK)))

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        if message.topic in self._watch and message.qos == 0:
            self._heard.append((message.topic, bytes(message.payload)))
        else:
            # we asked for nothing else: it is a mistake, or hostile
            self.ignored += 1
