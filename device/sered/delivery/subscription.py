"""Listens to what boxes say: each message read or set aside, acknowledged once it is dealt with."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from sered.contract.reading import Message, SetAside, Why, read
from sered.contract.topics import parse
from sered.delivery.backoff import DELAYS_S, Backoff
from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import MQTTMessage

    from sered.contract.topics import Place
    from sered.settings import MqttSettings

MOST = 200
"""Messages that are handed on at once."""
WITHIN_S = 0.05
"""A batch is as much as comes in that time, and no more than MOST messages: one commit on disk."""
_IDLE_S = 0.5
"""How long a look for the first message of a batch takes, so that a stop is heard."""
_GOODBYE_S = 0.5
_NEVER_RETAINED = {"calls", "alerts"}


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came, and what it says; its content does not show."""

    topic: str
    place: Place | None
    """None: no topic of the contract."""
    body: bytes = field(repr=False)
    retained: bool
    """The broker had kept it: it may be old."""
    found: Message | SetAside = field(repr=False)
    number: int
    """MQTT's packet identifier."""
    qos: int


class Subscription:
    """One connection that listens; raises BrokerError when it does not come about or is over.

    Every message that `take` gives must be acknowledged, also one that was set aside: who does
    not is given it again, for ever. With `session_s` the broker keeps what comes while we are away
    for so many seconds, under our `client_id`; without, it forgets us.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        filters: Sequence[str],
        *,
        client_id: str = "",
        session_s: int = 0,
        qos: int = 1,
        most: int = MOST,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        from sered.delivery.connection import Connection  # noqa: PLC0415 - paho

        self._base = mqtt.base
        self._most = most
        self._came: deque[Received] = deque()
        self.set_aside: Counter[Why] = Counter()
        """How many messages could not be used, by reason."""
        self.link = Connection(
            mqtt,
            client_id,
            session_s=session_s,
            receive=self._receive,
            # the next batch is on its way while one is dealt with
            most_in=min(2 * most, 65_535),
            given_up=given_up,
        )
        try:
            self.link.subscribe(filters, qos)
        except BrokerError:
            self.link.drop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, wait_s: float = _IDLE_S, within_s: float = WITHIN_S) -> list[Received]:
        """What came, at most `most`: empty when nothing does in `wait_s`; else all of `within_s`.

        Raises BrokerError once the connection is over and all that it had brought was given: what
        was not acknowledged comes again, but not from a broker that was killed.
        """
        end = time.monotonic() + wait_s
        while not self._came and (left := end - time.monotonic()) > 0:
            self.link.pump(left)
        end = time.monotonic() + within_s
        with contextlib.suppress(BrokerError):
            while 0 < len(self._came) < self._most and (left := end - time.monotonic()) > 0:
                self.link.pump(left)
        return [self._came.popleft() for _ in range(min(self._most, len(self._came)))]

    def acknowledge(self, batch: Sequence[Received]) -> None:
        """Tell the broker that these are dealt with, in the order in which they came."""
        for each in batch:
            self.link.acknowledge(each.number, each.qos)

    def hold(self, seconds: float) -> None:
        """Stay connected for so long, giving nothing: what was taken cannot be dealt with yet.

        Raises BrokerError once the connection is over.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.link.pump(left)

    def close(self) -> None:
        """Say goodbye; what was not acknowledged comes again at the next connection."""
        # a broker that takes over a session forgets acknowledgements that it has not read yet
        with contextlib.suppress(BrokerError):
            asked, end = self.link.ask(), time.monotonic() + _GOODBYE_S
            while time.monotonic() < end and asked not in dict(self.link.pump(0.05)):
                pass
        self.link.close()

    def _receive(self, message: MQTTMessage) -> None:
        body = bytes(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        place = parse(self._base, topic)
        found = found_in(place, body, retained=message.retain)
        if isinstance(found, SetAside):
            self.set_aside[found.why] += 1
        self._came.append(
            Received(topic, place, body, message.retain, found, message.mid, message.qos)
        )


def found_in(place: Place | None, body: bytes, *, retained: bool) -> Message | SetAside:
    """What a broker's message says, or why it is set aside."""
    if place is None:
        return SetAside(Why.FOREIGN_TOPIC, "no topic of the contract")
    if retained and place.leaf in _NEVER_RETAINED:
        return SetAside(Why.STALE, f"boxes retain no {place.leaf}: somebody else did")
    return read(place, body)


def follow(
    mqtt: MqttSettings,
    filters: Sequence[str],
    handle: Callable[[Sequence[Received]], None],
    *,
    client_id: str = "",
    session_s: int = 0,
    qos: int = 1,
    most: int = MOST,
    within_s: float = WITHIN_S,
    stopping: threading.Event | None = None,
    connected: Callable[[Subscription], None] = lambda _: None,
    lost: Callable[[BrokerError], None] = lambda _: None,
    delays_s: tuple[float, float] = DELAYS_S,
) -> None:
    """Listen until `stopping`, over every connection that is lost.

    `handle` gets batches of 1 to `most` messages, of what came in `within_s` seconds; each batch is
    acknowledged when it has returned, so commit before it does. What it raises ends it all with the
    batch not acknowledged. It must return within the keep-alive, or the broker gives us up.
    `connected` is called at each new subscription, `lost` with the reason before each wait; it may
    raise to end it all, too.
    """
    stopping = stopping or threading.Event()
    backoff = Backoff(delays_s)
    while not stopping.is_set():
        began, handled = time.monotonic(), 0
        try:
            with Subscription(
                mqtt,
                filters,
                client_id=client_id,
                session_s=session_s,
                qos=qos,
                most=most,
                given_up=stopping.is_set,
            ) as subscription:
                began = time.monotonic()
                connected(subscription)
                while not stopping.is_set():
                    if batch := subscription.take(within_s=within_s):
                        handle(batch)
                        subscription.acknowledge(batch)
                        handled += len(batch)
        except BrokerError as error:
            backoff.ended(time.monotonic() - began, progress=handled > 0, hung_up=False)
            if stopping.is_set():
                return
            lost(error)
            stopping.wait(backoff.delay_s(taken_over=error.reason == "taken_over"))
