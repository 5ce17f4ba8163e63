"""What is on its way to the broker: the window, what comes back, and what gets lost."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sered.delivery.delivered import Delivered
from sered.delivery.flight import Flight
from sered.delivery.receipts import Receipts
from sered.delivery.refusals import Refusals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paho.mqtt.reasoncodes import ReasonCode

    from sered.delivery.connection import Connection
    from sered.delivery.spool import Spool
    from sered.delivery.spool_row import Message

log = logging.getLogger(__name__)

LEAVES = ("calls", "alerts")
WINDOW = 100
"""Messages on their way at once; what a box keeps of the spool in memory."""
_WINDOW_BYTES = 4_000_000
"""On their way at once: a few seconds of a slow uplink, and little of a small box's memory."""
_BATCH = 25
"""Acknowledgements that are forgotten in one write, and free places worth a look into the spool."""
_ECHO_S = 5.0
"""How long an acknowledged message may take to come back where it is listened for."""
_HEADER = 64
"""Bytes that MQTT adds to topic and payload, at most."""
_NO_SUBSCRIBER = 0x10
"""Reason code of a PUBACK (MQTT 5, 3.4.2.1): taken, and nobody listens."""
_DENIALS = (0x87, 0x97)
"""Not authorized and quota exceeded: about the topic, not the message."""
_OF_THE_MESSAGE = (0x95, 0x99)
"""Refusals that are about this one payload, not its topic: too large, malformed."""


@dataclass(slots=True)
class InFlight:
    """Moves messages from the spool through a Connection; used by the publisher's thread alone.

    A message leaves the spool when its acknowledgement is believed (see Receipts). With MQTT 3.1.1,
    where a refusal is acknowledged like everything else, a message must come back to us, too.
    After a cut the window opens from one message again: brokers that hang up on what they refuse
    (Mosquitto 2.0 does on its ACL) are understood only when nothing else was on its way.
    """

    spool: Spool
    root: str
    """Topic up to the leaf, with its slash; a leaf with a slash in it is a whole topic."""
    expiry_s: int
    await_subscriber: bool = False
    refused: int = 0
    unheard: int = 0
    offered: bool = False
    """Whether all that waits has been tried on this connection."""
    refusals: Refusals = field(default_factory=Refusals)
    _cursor: int = 0
    _window: int = WINDOW
    _limit: int = WINDOW
    _number: int = 0
    _progress: bool = False
    _sent: dict[int, Flight] = field(default_factory=dict)
    _watched: bool = False
    _awaited: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """(topic, payload) that has to come back, to its id."""
    _proven: set[str] = field(default_factory=set)
    """Leaves that came back on this connection."""
    _receipts: Receipts = field(default_factory=Receipts)
    _delivered: Delivered = field(init=False)

    def __post_init__(self) -> None:
        self._delivered = Delivered(self.spool, _BATCH)

    @property
    def published(self) -> int:
        """Messages that a broker has for good, since the start."""
        return self._delivered.count

    def begin(self, link: Connection) -> None:
        """A new connection: nothing is on its way, everything in the spool is to go."""
        self._cursor = 0
        for each in (self._sent, self._awaited, self._proven):
            each.clear()
        self._receipts.new_connection()
        self._progress = self.offered = False
        self._limit = min(WINDOW, link.receive_maximum)
        self._watched = link.watches
        self.refusals.new_connection()

    @property
    def room(self) -> int:
        """How many more messages may go on their way."""
        if any(flight.leaf in self.refusals.blocks for flight in self._sent.values()):
            return 0
        return min(self._window, self._limit) - len(self._sent)

    def may_tell(self, leaf: str) -> bool:
        """Whether a message that is not from the spool can go now."""
        if leaf not in self.refusals.blocks:
            return self.room > 0
        return not self._sent and self.refusals.may_try(leaf)

    def _topic(self, leaf: str) -> str:
        return leaf if "/" in leaf else self.root + leaf

    def _fly(self, mid: int, leaf: str, size: int = 0, message: Message | None = None) -> None:
        self._number += 1
        self._sent[mid] = Flight(self._number, time.monotonic(), leaf, size, message)

    def tell(self, link: Connection, leaf: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Send a message that is not from the spool."""
        mid = link.publish(self._topic(leaf), payload, qos=qos, retain=retain)
        if qos:
            self._fly(mid, leaf, len(payload))

    def fill(self, link: Connection) -> None:
        """Send as much as the window takes."""
        self._probe(link)
        room = self.room
        if room > 0 and not (self._sent and room < min(_BATCH, self._window)):
            waiting = self.spool.peek(
                room,
                after=self._cursor,
                skip=self._unavailable(),
                without=list(self.refusals.blocks),
            )
            self.offered = self.offered or (self.idle and not (waiting or self._delivered.keys))
            for message in waiting:
                if sum(flight.size for flight in self._sent.values()) > _WINDOW_BYTES:
                    break
                self._cursor = max(self._cursor, message.id)
                self._send(link, message)
        if self._receipts.wants_answer(self._sent.values()):
            self._fly(link.ask(), "")

    def _unavailable(self) -> set[str]:
        """Keys that are on their way, acknowledged, or have to wait."""
        held, freed = self.refusals.held()
        if freed:
            self._cursor = 0
        under_way = {flight.name for flight in self._sent.values()}
        return under_way | held | self._receipts.keys | {*self._delivered.keys}

    def _probe(self, link: Connection) -> None:
        """Try one message, alone, of a leaf that was refused long enough ago."""
        for leaf in LEAVES:
            if self._sent or not self.refusals.may_try(leaf):
                continue
            others = [other for other in LEAVES if other != leaf]
            for message in self.spool.peek(1, skip=self._unavailable(), without=others):
                self._send(link, message)

    def _send(self, link: Connection, message: Message) -> None:
        topic = self.root + message.leaf
        size = len(topic.encode()) + len(message.payload) + _HEADER
        if size > link.maximum_packet:
            self.refusals.hold(
                message,
                f"{topic}: a message of {size} bytes is larger than the broker's limit of "
                f"{link.maximum_packet}. Raise its max_packet_size.",
                said=True,
            )
            return
        mid = link.publish(topic, message.payload, qos=1, retain=False, expiry_s=self.expiry_s)
        self._fly(mid, message.leaf, size, message)
        if self._watched:
            self._awaited[topic, message.payload] = mid

    def settle(
        self, acks: Iterable[tuple[int, ReasonCode]], heard: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        """Take in acknowledgements and what came back; what is delivered leaves the spool."""
        for what in heard:
            mid = self._awaited.pop(what, None)
            if mid is not None and (flight := self._sent.get(mid)):
                flight.heard = True
                self._proven.add(flight.leaf)
                self._progress = True
                if flight.acked_at is not None:
                    del self._sent[mid]
                    self._accept(flight)
        for mid, reason in acks:
            if flight := self._sent.pop(mid, None):
                for key in self._receipts.answered(flight, self._number):
                    self._delivered.add(key)
                self._acknowledged(mid, flight, reason)
        self._look_for_lost()
        self._delivered.flush_due(idle=not self._sent)

    def _acknowledged(self, mid: int, flight: Flight, reason: ReasonCode) -> None:
        if not flight.leaf:
            return
        if reason.value >= 0x80:
            self._refuse(flight, reason)
        elif reason.value == _NO_SUBSCRIBER and self.await_subscriber and flight.message:
            said = f"Nobody is subscribed to {self.root}{flight.leaf}: its messages wait."
            self._block(flight.leaf, "unheard", said)
        elif self._watched and flight.message and not flight.heard:
            flight.acked_at = time.monotonic()
            self._sent[mid] = flight
            return
        else:
            self.unheard += reason.value == _NO_SUBSCRIBER and flight.message is not None
            self._accept(flight)
        self._progress = True

    def _accept(self, flight: Flight) -> None:
        self._window = min(self._window * 2, WINDOW)
        if self.refusals.allow(flight.leaf):
            log.info("broker.allows %s", self._topic(flight.leaf))
            self._cursor = 0
        message = flight.message
        if message and self._receipts.acknowledged(flight.number, message.key):
            self._delivered.add(message.key)

    def _look_for_lost(self) -> None:
        """What was acknowledged and does not come back was thrown away."""
        now = time.monotonic()
        for mid, flight in list(self._sent.items()):
            if flight.acked_at is not None and now - flight.acked_at > _ECHO_S:
                del self._sent[mid]
                self._thrown_away(flight)

    def _thrown_away(self, flight: Flight) -> None:
        assert flight.message, "nothing else is awaited"
        topic = self.root + flight.leaf
        self._awaited.pop((topic, flight.message.payload), None)
        self.refused += 1
        if flight.leaf in self._proven:
            self.refusals.hold(flight.message, flight.too_large(topic))
            return
        said = flight.unproven(topic, self.root)
        self.refusals.hold(flight.message, said, "unproven")
        self._block(flight.leaf, "unproven", said)

    def _refuse(self, flight: Flight, reason: ReasonCode) -> None:
        self.refused += 1
        said = f"{reason.getName().lower()}, 0x{reason.value:02X}"
        if flight.message and reason.value in _OF_THE_MESSAGE:
            topic = self.root + flight.leaf
            sentence = f"{topic}: the broker refuses a message of {flight.size} bytes ({said})."
            self.refusals.hold(flight.message, f"{sentence} Mend its limits.")
            return
        self._deny(flight.leaf, "denied" if reason.value in _DENIALS else "refused", said)

    def _deny(self, leaf: str, reason: str, said: str) -> None:
        sentence = (
            f"The broker refuses {self._topic(leaf)} ({said}). Mend its ACL: "
            "this box must be allowed to write there. Nothing is lost meanwhile."
        )
        self._block(leaf, reason, sentence)

    def _block(self, leaf: str, reason: str, sentence: str) -> None:
        """Let a whole leaf wait; when it may go again, it starts from its first message."""
        self._cursor = 0
        self.refusals.block(leaf, reason, sentence)

    def end(self) -> None:
        """The connection is over: remember on which message, should it be the same each time."""
        self._delivered.flush()
        sent = [flight for flight in self._sent.values() if flight.leaf]
        if self._sent and not sent:
            self._receipts.ended_on_question()
        if not sent:
            return
        self._window = 1
        flight = sent[0]
        if self._progress or len(sent) > 1:
            return
        if block := self.refusals.blocks.get(flight.leaf):
            # it was a probe: the next one comes later
            self._block(flight.leaf, block.reason, block.sentence)
        elif self.refusals.strike(flight.name):
            self._cut_at(flight)

    def _cut_at(self, flight: Flight) -> None:
        """Connections end on this one alone, again and again."""
        if flight.message is None:
            self._deny(flight.leaf, "refused", "it hangs up")
        elif flight.acked_at is not None:
            self._thrown_away(flight)
        else:
            said = f"{self.root}{flight.leaf}: the broker cuts the connection at a message"
            said += f" of {flight.size} bytes. See its log, its ACL and its limits."
            self.refusals.hold(flight.message, said, "refused")

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not (self._sent or self._receipts.keys)

    def waited_s(self) -> float:
        """How long the acknowledgement due longest is outstanding; 0: none is."""
        now = time.monotonic()
        waiting = (flight.at for flight in self._sent.values() if flight.acked_at is None)
        return now - min(waiting, default=now)
