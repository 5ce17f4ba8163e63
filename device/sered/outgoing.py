"""What is on its way to the broker: the window, the acknowledgements, what the broker refuses."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paho.mqtt.reasoncodes import ReasonCode

    from sered.link import Link
    from sered.spool import Spool
    from sered.spoolfile import Message

log = logging.getLogger(__name__)

LEAVES = ("calls", "alerts")
WINDOW = 100
"""Messages on their way at once; what a box keeps of the spool in memory."""
_WINDOW_BYTES = 4_000_000
_BATCH = 25
"""Acknowledgements that are forgotten in one write, and free places worth a look into the spool."""
_BATCH_S = 0.2
_BLOCK_S = (5.0, 60.0)
"""First and longest wait before a leaf that was refused is tried again."""
_HOLD_S = 600.0
"""Wait before a single message that cannot pass is tried again."""
_STRIKES = 5
"""Connections in a row that end on the same message alone before it has to wait."""
_HEADER = 64
"""Bytes that MQTT adds to topic and payload, at most."""
_NO_SUBSCRIBER = 0x10
_OF_THE_MESSAGE = (0x95, 0x99)
"""Refusals that are about this one payload, not its topic: too large, malformed."""


@dataclass(slots=True)
class _Block:
    """A leaf that the broker refuses."""

    sentence: str
    reason: str
    until: float
    delay_s: float
    probe: str | None = None
    """Key of the one message that tries whether it still does."""


@dataclass(slots=True)
class _Hold:
    """A message that cannot pass for now."""

    sentence: str
    until: float


@dataclass(slots=True)
class Outgoing:
    """Moves messages from the spool through a Link; used by the publisher's thread alone."""

    spool: Spool
    root: str
    """Topic up to the leaf, with its slash."""
    expiry_s: int
    published: int = 0
    refused: int = 0
    unheard: int = 0
    _cursor: int = 0
    _window: int = WINDOW
    _limit: int = WINDOW
    _progress: bool = False
    _sent: dict[int, tuple[float, Message]] = field(default_factory=dict)
    _told: dict[int, str] = field(default_factory=dict)
    _done: list[str] = field(default_factory=list)
    _done_at: float = 0.0
    _blocks: dict[str, _Block] = field(default_factory=dict)
    _holds: dict[str, _Hold] = field(default_factory=dict)
    _strikes: dict[str, int] = field(default_factory=dict)

    def begin(self, link: Link) -> None:
        """A new connection: nothing is on its way, everything in the spool is to go."""
        self._sent.clear()
        self._told.clear()
        self._cursor = 0
        self._progress = False
        self._limit = min(WINDOW, link.receive_maximum)
        for block in self._blocks.values():
            block.until, block.probe = 0.0, None

    def tell(self, link: Link, leaf: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Send a message that is not from the spool."""
        mid = link.publish(self.root + leaf, payload, qos=qos, retain=retain)
        if qos:
            self._told[mid] = leaf

    def fill(self, link: Link) -> None:
        """Send as much as the window takes."""
        now = time.monotonic()
        self._probe(link, now)
        room = min(self._window, self._limit) - len(self._sent)
        if self._sent and room < min(_BATCH, self._window):
            return
        for message in self.spool.peek(
            room, after=self._cursor, skip=self._unavailable(now), without=list(self._blocks)
        ):
            if sum(len(m.payload) for _, m in self._sent.values()) > _WINDOW_BYTES:
                return
            self._cursor = max(self._cursor, message.id)
            self._send(link, message, now)

    def _unavailable(self, now: float) -> set[str]:
        """Keys that are on their way, acknowledged, or have to wait."""
        for key in [key for key, hold in self._holds.items() if hold.until <= now]:
            del self._holds[key]
            self._cursor = 0
        return {m.key for _, m in self._sent.values()} | set(self._done) | set(self._holds)

    def _probe(self, link: Link, now: float) -> None:
        """Try one message of each leaf that was refused long enough ago."""
        for leaf, block in list(self._blocks.items()):
            if leaf not in LEAVES or block.probe or block.until > now:
                continue
            others = [other for other in LEAVES if other != leaf]
            for message in self.spool.peek(1, skip=self._unavailable(now), without=others):
                block.probe = message.key
                self._send(link, message, now)

    def _send(self, link: Link, message: Message, now: float) -> None:
        topic = self.root + message.leaf
        size = len(topic.encode()) + len(message.payload) + _HEADER
        if size > link.maximum_packet:
            self._hold(
                message,
                f"{topic}: a message of {size} bytes is larger than the broker's limit of "
                f"{link.maximum_packet}. Raise its max_packet_size.",
            )
            return
        mid = link.publish(topic, message.payload, qos=1, retain=False, expiry_s=self.expiry_s)
        self._sent[mid] = (now, message)

    def settle(self, acks: Iterable[tuple[int, ReasonCode]]) -> None:
        """Take in acknowledgements; what is delivered leaves the spool."""
        for mid, reason in acks:
            leaf = self._told.pop(mid, None)
            if leaf is not None:
                self._judge_told(leaf, reason)
            _, message = self._sent.pop(mid, (0.0, None))
            if message is None:
                continue
            if reason.value >= 0x80:
                self._refuse(message, reason)
            else:
                self._deliver(message, reason)
        late = self._done and time.monotonic() - self._done_at > _BATCH_S
        if late or len(self._done) >= _BATCH or (self._done and not self._sent):
            self.flush()

    def flush(self) -> None:
        """Let the spool forget what was delivered."""
        if self._done:
            self.spool.done(self._done)
            self._done.clear()

    def _deliver(self, message: Message, reason: ReasonCode) -> None:
        if not self._done:
            self._done_at = time.monotonic()
        self._done.append(message.key)
        self.published += 1
        self.unheard += reason.value == _NO_SUBSCRIBER
        self._progress = True
        self._window = min(self._window * 2, WINDOW)
        self._strikes.clear()
        if self._blocks.pop(message.leaf, None):
            self._cursor = 0

    def _refuse(self, message: Message, reason: ReasonCode) -> None:
        self.refused += 1
        self._progress = True
        topic = self.root + message.leaf
        if reason.value in _OF_THE_MESSAGE:
            said = f"{topic}: the broker refuses a message of {len(message.payload)} bytes"
            self._hold(message, f"{said} ({reason.getName().lower()}). Mend its limits.")
            return
        self._block(message.leaf, reason)
        # the whole leaf waits; when it may go again, it starts from its first
        self._cursor = 0

    def _block(self, leaf: str, reason: ReasonCode) -> None:
        old = self._blocks.get(leaf)
        first, longest = _BLOCK_S
        delay_s = min(old.delay_s * 2, longest) if old and old.probe else first
        sentence = (
            f"The broker refuses {self.root}{leaf} ({reason.getName().lower()}). Mend its ACL: "
            "this box must be allowed to write there. Nothing is lost meanwhile."
        )
        if old is None:
            log.error("broker.refuses %s", sentence)
        word = "denied" if reason.value in (0x87, 0x97) else "refused"
        self._blocks[leaf] = _Block(sentence, word, time.monotonic() + delay_s, delay_s)

    def _judge_told(self, leaf: str, reason: ReasonCode) -> None:
        if reason.value >= 0x80:
            self.refused += 1
            self._block(leaf, reason)
        elif leaf not in LEAVES:
            self._blocks.pop(leaf, None)

    def _hold(self, message: Message, sentence: str) -> None:
        log.error("broker.refuses %s", sentence)
        self._holds[message.key] = _Hold(sentence, time.monotonic() + _HOLD_S)

    def end(self) -> None:
        """The connection was cut: remember on which message, should it be the same each time."""
        self.flush()
        if self._progress or not self._sent:
            return
        alone = next(m for _, m in self._sent.values()) if len(self._sent) == 1 else None
        self._window = 1
        if alone is None:
            return
        strikes = self._strikes[alone.key] = self._strikes.get(alone.key, 0) + 1
        if strikes >= _STRIKES:
            self._strikes.clear()
            said = f"{self.root}{alone.leaf}: the broker cuts the connection at a message"
            self._hold(alone, f"{said} of {len(alone.payload)} bytes. See its log and limits.")

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an acknowledgement."""
        return not self._sent and not self._told

    def waited_s(self) -> float:
        """How long the acknowledgement due longest is outstanding; 0: none is."""
        return time.monotonic() - min(
            (at for at, _ in self._sent.values()), default=time.monotonic()
        )

    @property
    def faults(self) -> list[tuple[str, str]]:
        """(reason, sentence) of all that the broker refuses just now."""
        found = [(block.reason, block.sentence) for block in list(self._blocks.values())]
        holds = list(self._holds.values())
        if holds:
            more = f" (and {len(holds) - 1} more)" if len(holds) > 1 else ""
            found.append(("too_large", holds[0].sentence + more))
        return found
