"""Central's inbox at RabbitMQ: one quorum queue over AMQP that any number of ingesters share.

RabbitMQ keeps no shared MQTT subscriptions. Boxes publish over MQTT all the same: its plugin puts
each message on the exchange `amq.topic`, with dots for slashes, and what is bound there gets it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING

import pika
from pika.exceptions import AMQPError

from sered.central.ingest.session import LEAVES
from sered.contract.topics import Place, parse
from sered.delivery.subscription import Received, found_in
from sered.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pika.adapters.blocking_connection import BlockingChannel
    from pika.spec import Basic, BasicProperties

    from sered.central.sources import SourceSettings

EXCHANGE = "amq.topic"
"""Where RabbitMQ's MQTT plugin puts what boxes publish."""
_FOR_EVER = -1
"""RabbitMQ 4 throws away what came back twenty times: a night of kills would lose verdicts."""
_ANSWER_S = 10.0
_PATIENCE = {
    "TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000,
}  # fmt: skip
"""A node that is cut off is left within 11 s (s, s, probes, ms); a heartbeat takes thirty."""
_TIMES = 2
_FAILURES = (AMQPError, OSError)
SILENT_S = 20.0
"""A node whose disk was full may keep what it was to hand on, and live on without a word."""


def keys(base: str) -> list[str]:
    """What to bind the queue to: a name with a dot in it is several words of a key."""
    return [f"{base.replace('/', '.')}.#.{leaf}" for leaf in LEAVES]


def topic_of(base: str, key: str, body: bytes) -> str:
    """The MQTT topic that a message was published on.

    RabbitMQ writes `.` for `/`, so a name with a dot can be told from two levels only by what the
    message says of itself; whoever may write the one topic may there write the other, too.
    """
    root = base.replace("/", ".") + "."
    middle, _, leaf = key.removeprefix(root).rpartition(".")
    if not key.startswith(root) or middle.count(".") < 1:
        return key.replace(".", "/")
    if middle.count(".") > 1:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            said = json.loads(body)
            site, device = said.get("site"), said.get("device")
            if f"{site}.{device}" == middle:
                return f"{base}/{site}/{device}/{leaf}"
    return f"{base}/{middle.replace('.', '/')}/{leaf}"


class Queue:
    """One consumer of the queue; raises BrokerError when it does not come about or is over.

    What `take` gave and nobody acknowledged goes to another consumer when this one is gone. Where
    nothing comes for SILENT_S it asks another node: what the former one holds back comes then.
    """

    def __init__(self, source: SourceSettings) -> None:
        self._base, self._most = source.base, source.batch
        self._came: deque[Received] = deque()
        self._source, self._over, self._node = source, "", ""
        self._begin()

    def _begin(self) -> None:
        source = self._source
        self._connection, self._channel, self._node = open_queue(source, not_at=self._node)
        self._heard = time.monotonic()
        with _said(source):
            # the next batch is on its way while one is dealt with
            self._channel.basic_qos(prefetch_count=min(_TIMES * self._most, 65_535))
            self._channel.add_on_cancel_callback(self._cancelled)
            self._channel.basic_consume(source.queue, self._receive)

    def take(self, wait_s: float, within_s: float) -> list[Received]:
        """What came, at most a batch: empty when nothing does in `wait_s`; else of `within_s`."""
        if not self._came and time.monotonic() - self._heard > SILENT_S:
            self.close()
            self._begin()
        end = time.monotonic() + wait_s
        while not self._came and (left := end - time.monotonic()) > 0:
            self._pump(left)
        end = time.monotonic() + within_s
        while 0 < len(self._came) < self._most and (left := end - time.monotonic()) > 0:
            self._pump(left)
        return [self._came.popleft() for _ in range(min(self._most, len(self._came)))]

    def acknowledge(self, batch: Sequence[Received]) -> None:
        """Tell the queue that these, and all that was taken before them, are dealt with."""
        with _said(self._source):
            self._channel.basic_ack(batch[-1].number, multiple=True)

    def hold(self, seconds: float) -> None:
        """Stay connected for so long, giving nothing."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._pump(left)

    def close(self) -> None:
        """Let go; what was not acknowledged goes to the next consumer."""
        with contextlib.suppress(*_FAILURES):
            self._connection.close()

    def _pump(self, seconds: float) -> None:
        with _said(self._source):
            self._connection.process_data_events(time_limit=seconds)
        if self._over:
            raise BrokerError(self._over, "lost")

    def _cancelled(self, _: object) -> None:
        self._over = "The queue was deleted, or its node is gone. Connecting again."

    def _receive(
        self, _: BlockingChannel, how: Basic.Deliver, _about: BasicProperties, body: bytes
    ) -> None:
        self._heard = time.monotonic()
        assert how.routing_key is not None
        assert how.delivery_tag is not None
        topic = topic_of(self._base, how.routing_key, body)
        place: Place | None = parse(self._base, topic)
        found = found_in(place, body, retained=False)
        self._came.append(Received(topic, place, body, False, found, how.delivery_tag, 1))  # noqa: FBT003 - a record of seven, in their order


def open_queue(
    source: SourceSettings, not_at: str = ""
) -> tuple[pika.BlockingConnection, BlockingChannel, str]:
    """A connection to a node that answers, the queue declared and bound, and which node it is.

    `not_at`: the node that is asked last. Raises BrokerError where no node answers or the queue is
    another one, ConfigError.
    """
    # it tells every step of every connection
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    with _said(source):
        # in another order each time: not all ingesters shall hang on one node
        nodes = random.sample(source.amqp, len(source.amqp))
        connection, node = _connected(source, sorted(nodes, key=lambda url: url == not_at))
        channel = connection.channel()
        # three nodes keep it: one may die
        about = {"x-queue-type": "quorum", "x-delivery-limit": _FOR_EVER}
        channel.queue_declare(source.queue, durable=True, arguments=about)
        for key in keys(source.base):
            channel.queue_bind(source.queue, EXCHANGE, key)
    return connection, channel, node


def _connected(source: SourceSettings, nodes: list[str]) -> tuple[pika.BlockingConnection, str]:
    for url in nodes[:-1]:
        with contextlib.suppress(*_FAILURES):
            return pika.BlockingConnection(_parameters(source, url)), url
    return pika.BlockingConnection(_parameters(source, nodes[-1])), nodes[-1]


def looked_at(source: SourceSettings) -> tuple[list[str], int, int]:
    """Nodes that do not answer, messages that wait, ingesters that take them; changes nothing.

    Raises BrokerError where no node answers, or where the queue is not there yet.
    """
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    away, found = list[str](), None
    for url in source.amqp:
        try:
            with _said(source):
                connection = pika.BlockingConnection([_parameters(source, url)])
        except BrokerError as error:
            away.append(url)
            last = error
            continue
        with contextlib.closing(connection), _said(source):
            found = connection.channel().queue_declare(source.queue, passive=True).method
    if found is None:
        raise last
    return away, found.message_count, found.consumer_count


def _parameters(source: SourceSettings, url: str) -> pika.URLParameters:
    try:
        found = pika.URLParameters(url)
    except (ValueError, TypeError) as error:
        msg = (
            f"[source] amqp: wanted amqp://HOST:PORT/ or amqps://HOST:PORT/, found {url} ({error})."
        )
        raise ConfigError(msg) from None
    word = source.password.get_secret_value() if source.password else "guest"
    found.credentials = pika.PlainCredentials(source.username or "guest", word)
    if source.tls or url.startswith("amqps:"):
        context = ssl.create_default_context(cafile=str(source.ca) if source.ca else None)
        if source.cert:
            context.load_cert_chain(source.cert, source.key)
        found.ssl_options = pika.SSLOptions(context, found.host)
    found.heartbeat = source.keepalive_s
    found.tcp_options = _PATIENCE
    found.blocked_connection_timeout = _ANSWER_S
    found.socket_timeout = found.stack_timeout = _ANSWER_S
    found.client_properties = {"connection_name": "sered-central"}
    return found


@contextlib.contextmanager
def _said(source: SourceSettings) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        nodes = ", ".join(source.amqp)
        why = _words(error)
        msg = f"The queue {source.queue} at {nodes} cannot be used ({why}). Is RabbitMQ running?"
        raise BrokerError(msg, "no_broker") from None


def _words(error: BaseException) -> str:
    text = str(error) or repr(error)
    return text.splitlines()[0][:300]
