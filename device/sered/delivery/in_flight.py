"""What is on its way to the broker: the window, the acknowledgements, what the broker refuses."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paho.mqtt.reasoncodes import ReasonCode

    from sered.delivery.connection import Link
    from sered.delivery.spool import Spool
    from sered.delivery.spool_row import Message

log = logging.getLogger(__name__)

LEAVES = ("calls", "alerts")
WINDOW = 100
"""Messages on their way at once; what a box keeps of the spool in memory."""
_WINDOW_BYTES = 4_000_000
_BATCH = 25
"""Acknowledgements that are forgotten in one write, and free places worth a look into the spool."""
_BATCH_S = 0.2
_BLOCK_S = (5.0, 300.0)
"""First and longest wait before a leaf that was refused is tried again."""
_UNHEARD_S = (0.5, 30.0)
"""The same where nobody is subscribed."""
_HOLD_S = 600.0
"""Wait before a single message that cannot pass is tried again."""
_STRIKES = 5
"""Connections in a row that end on the same message alone before it has to wait."""
_HEADER = 64
"""Bytes that MQTT adds to topic and payload, at most."""
_NO_SUBSCRIBER = 0x10
_DENIALS = (0x87, 0x97)
_OF_THE_MESSAGE = (0x95, 0x99)
"""Refusals that are about this one payload, not its topic: too large, malformed."""


@dataclass(slots=True)
class _Block:
    """A leaf that the broker refuses."""

    sentence: str
    reason: str
    until: float
    """When one message may try whether it still does."""
    delay_s: float


@dataclass(slots=True)
class _Hold:
    """A message that cannot pass for now."""

    sentence: str
    until: float
    said: bool
    """The broker told us its limit when we connected: it may tell another one next time."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A message on its way."""

    at: float
    leaf: str
    size: int
    message: Message | None
    """None: it is not from the spool."""

    @property
    def name(self) -> str:
        return self.message.key if self.message else self.leaf


@dataclass(slots=True)
class Outgoing:
    """Moves messages from the spool through a Link; used by the publisher's thread alone.

    After a cut the window opens from one message again: brokers that hang up on what they refuse
    (Mosquitto 2.0 does on its ACL) are understood only when nothing else was on its way.
    """

    spool: Spool
    root: str
    """Topic up to the leaf, with its slash; a leaf with a slash in it is a whole topic."""
    expiry_s: int
    await_subscriber: bool = False
    published: int = 0
    refused: int = 0
    unheard: int = 0
    offered: bool = False
    """Whether all that waits has been tried on this connection."""
    _cursor: int = 0
    _window: int = WINDOW
    _limit: int = WINDOW
    _progress: bool = False
    _sent: dict[int, _Flight] = field(default_factory=dict)
    _done: list[str] = field(default_factory=list)
    _done_at: float = 0.0
    _blocks: dict[str, _Block] = field(default_factory=dict)
    _holds: dict[str, _Hold] = field(default_factory=dict)
    _strikes: dict[str, int] = field(default_factory=dict)

    def begin(self, link: Link) -> None:
        """A new connection: nothing is on its way, everything in the spool is to go."""
        self._sent.clear()
        self._cursor = 0
        self._progress = self.offered = False
        self._limit = min(WINDOW, link.receive_maximum)
        self._holds = {key: hold for key, hold in self._holds.items() if not hold.said}

    @property
    def room(self) -> int:
        """How many more messages may go on their way."""
        if any(flight.leaf in self._blocks for flight in self._sent.values()):
            return 0
        return min(self._window, self._limit) - len(self._sent)

    def may_tell(self, leaf: str) -> bool:
        """Whether a message that is not from the spool can go now."""
        block = self._blocks.get(leaf)
        if block is None:
            return self.room > 0
        return not self._sent and block.until <= time.monotonic()

    def _topic(self, leaf: str) -> str:
        return leaf if "/" in leaf else self.root + leaf

    def tell(self, link: Link, leaf: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Send a message that is not from the spool."""
        mid = link.publish(self._topic(leaf), payload, qos=qos, retain=retain)
        if qos:
            self._sent[mid] = _Flight(time.monotonic(), leaf, len(payload), None)

    def fill(self, link: Link) -> None:
        """Send as much as the window takes."""
        now = time.monotonic()
        self._probe(link, now)
        room = self.room
        if room <= 0 or (self._sent and room < min(_BATCH, self._window)):
            return
        waiting = self.spool.peek(
            room, after=self._cursor, skip=self._unavailable(now), without=list(self._blocks)
        )
        self.offered = self.offered or not (waiting or self._sent)
        for message in waiting:
            if sum(flight.size for flight in self._sent.values()) > _WINDOW_BYTES:
                return
            self._cursor = max(self._cursor, message.id)
            self._send(link, message, now)

    def _unavailable(self, now: float) -> set[str]:
        """Keys that are on their way, acknowledged, or have to wait."""
        for key in [key for key, hold in self._holds.items() if hold.until <= now]:
            del self._holds[key]
            self._cursor = 0
        return {flight.name for flight in self._sent.values()} | {*self._done, *self._holds}

    def _probe(self, link: Link, now: float) -> None:
        """Try one message, alone, of a leaf that was refused long enough ago."""
        for leaf in LEAVES:
            if self._sent or leaf not in self._blocks or self._blocks[leaf].until > now:
                continue
            others = [other for other in LEAVES if other != leaf]
            for message in self.spool.peek(1, skip=self._unavailable(now), without=others):
                self._send(link, message, now)

    def _send(self, link: Link, message: Message, now: float) -> None:
        topic = self.root + message.leaf
        size = len(topic.encode()) + len(message.payload) + _HEADER
        if size > link.maximum_packet:
            self._hold(
                message,
                f"{topic}: a message of {size} bytes is larger than the broker's limit of "
                f"{link.maximum_packet}. Raise its max_packet_size.",
                said=True,
            )
            return
        mid = link.publish(topic, message.payload, qos=1, retain=False, expiry_s=self.expiry_s)
        self._sent[mid] = _Flight(now, message.leaf, size, message)

    def settle(self, acks: Iterable[tuple[int, ReasonCode]]) -> None:
        """Take in acknowledgements; what is delivered leaves the spool."""
        for mid, reason in acks:
            flight = self._sent.pop(mid, None)
            if flight is None:
                continue
            self._progress = True
            if reason.value >= 0x80:
                self._refuse(flight, reason)
            elif reason.value == _NO_SUBSCRIBER and self.await_subscriber and flight.message:
                self._block(
                    flight.leaf,
                    "unheard",
                    f"Nobody is subscribed to {self.root}{flight.leaf}: its messages wait.",
                )
            else:
                self._accept(flight, reason)
        late = self._done and time.monotonic() - self._done_at > _BATCH_S
        if late or len(self._done) >= _BATCH or (self._done and not self._sent):
            self.flush()

    def flush(self) -> None:
        """Let the spool forget what was delivered."""
        if self._done:
            self.spool.done(self._done)
            self._done.clear()

    def _accept(self, flight: _Flight, reason: ReasonCode) -> None:
        self._window = min(self._window * 2, WINDOW)
        self._strikes.clear()
        if self._blocks.pop(flight.leaf, None):
            log.info("broker.allows %s", self._topic(flight.leaf))
            self._cursor = 0
        if flight.message:
            if not self._done:
                self._done_at = time.monotonic()
            self._done.append(flight.message.key)
            self.published += 1
            self.unheard += reason.value == _NO_SUBSCRIBER

    def _refuse(self, flight: _Flight, reason: ReasonCode) -> None:
        self.refused += 1
        said = reason.getName().lower()
        if flight.message and reason.value in _OF_THE_MESSAGE:
            topic = self.root + flight.leaf
            sentence = f"{topic}: the broker refuses a message of {flight.size} bytes ({said})."
            self._hold(flight.message, f"{sentence} Mend its limits.")
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
        old = self._blocks.get(leaf)
        first, longest = _UNHEARD_S if reason == "unheard" else _BLOCK_S
        now = time.monotonic()
        if old and old.until > now:
            # not a probe: it was on its way when the first one was refused
            return
        delay_s = min(old.delay_s * 2, longest) if old else first
        if old is None:
            log.error("broker.refuses %s", sentence)
        self._blocks[leaf] = _Block(sentence, reason, now + delay_s, delay_s)

    def _hold(self, message: Message, sentence: str, *, said: bool = False) -> None:
        log.error("broker.refuses %s", sentence)
        self._holds[message.key] = _Hold(sentence, time.monotonic() + _HOLD_S, said)

    def end(self) -> None:
        """The connection is over: remember on which message, should it be the same each time."""
        self.flush()
        if not self._sent:
            return
        self._window = 1
        if self._progress or len(self._sent) > 1:
            return
        flight = next(iter(self._sent.values()))
        strikes = self._strikes[flight.name] = self._strikes.get(flight.name, 0) + 1
        if strikes < _STRIKES:
            return
        self._strikes.clear()
        if flight.message:
            said = f"{self.root}{flight.leaf}: the broker cuts the connection at a message"
            self._hold(flight.message, f"{said} of {flight.size} bytes. See its log and limits.")
        else:
            self._deny(flight.leaf, "refused", "it hangs up")

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an acknowledgement."""
        return not self._sent

    def waited_s(self) -> float:
        """How long the acknowledgement due longest is outstanding; 0: none is."""
        now = time.monotonic()
        return now - min((flight.at for flight in self._sent.values()), default=now)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """(reason, sentence) of all that the broker refuses just now; from any thread."""
        found = [(block.reason, block.sentence) for block in list(self._blocks.values())]
        if holds := list(self._holds.values()):
            more = f" (and {len(holds) - 1} more)" if len(holds) > 1 else ""
            found.append(("too_large", holds[0].sentence + more))
        return found
