"""A real RabbitMQ: boxes publish over MQTT, ingesters share one quorum queue over AMQP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from brokers.houses import PASSWORD, USER, HouseBroker
from sered.central.ingest.queue import Queue, looked_at
from sered.central.sources import SourceSettings
from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.delivery.subscription import Received

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(1800)]
PATIENCE_S = 300.0
"""Every wait ends with what it waits for."""


@pytest.fixture(scope="module")
def rabbit() -> Iterator[HouseBroker]:
    """RabbitMQ 4 of Debian 13."""
    broker = HouseBroker("trixie", "rabbitmq").start()
    yield broker
    broker.stop()


def source(broker: HouseBroker, batch: int = 10) -> SourceSettings:
    """How an ingester finds it: a node that is not there before the one that is."""
    nodes = ("amqp://127.0.0.1:1/", f"amqp://127.0.0.1:{broker.amqp}/")
    return SourceSettings(amqp=nodes, username=USER, password=SecretStr(PASSWORD), batch=batch)


def publish(broker: HouseBroker, *topics: str) -> None:
    """As boxes do, acknowledged."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(USER, PASSWORD)
    client.connect(broker.host, broker.port)
    client.loop_start()
    body = b'{"schema": "sered.probe/1", "site": "a.b", "device": "c.d"}'
    for info in [client.publish(topic, body, qos=1) for topic in topics]:
        info.wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def test_what_nobody_acknowledged_goes_to_another(rabbit: HouseBroker) -> None:
    """Two share the queue; what one took and did not acknowledge reaches the other, once."""
    one = Queue(source(rabbit))
    topics = {f"sered/site/desk{n}/calls" for n in range(40)}
    publish(rabbit, *topics)
    kept = one.take(PATIENCE_S, 0.5)
    assert kept
    one.acknowledge(kept)
    assert one.take(PATIENCE_S, 0.5), "a batch that is never acknowledged"
    other = Queue(source(rabbit))
    one.close()
    done = {received.topic for received in kept}
    rest: list[str] = []
    while len(rest) < 40 - len(done):
        batch = other.take(PATIENCE_S, 0.05)
        assert batch, f"{len(done)} and {len(rest)} of 40 came"
        other.acknowledge(batch)
        rest += [received.topic for received in batch]
    assert sorted(rest) == sorted(topics - done)
    assert other.take(0.5, 0.05) == []
    other.close()


def test_a_silent_node_is_left(rabbit: HouseBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes for a while it is asked for anew, and what was held back comes."""
    monkeypatch.setattr("sered.central.ingest.queue.SILENT_S", 1.0)
    with monkeypatch.context() as stuck:
        # a node that takes itself to have handed on what never came
        stuck.setattr(Queue, "_receive", lambda *_: None)
        queue = Queue(source(rabbit))
        publish(rabbit, "sered/site/desk1/calls")
        assert queue.take(0.3, 0.05) == []
    batch: list[Received] = []
    while not batch:
        batch = queue.take(1.0, 0.05)
    assert [one.topic for one in batch] == ["sered/site/desk1/calls"]
    queue.acknowledge(batch)
    queue.close()


def test_names_with_dots_are_told(rabbit: HouseBroker) -> None:
    """RabbitMQ writes a dot for a slash: the message itself says where its names end."""
    queue = Queue(source(rabbit, batch=1))
    topics = ["sered/a.b/c.d/calls", "sered/site/desk/status", "sered/x/y/z/calls"]
    publish(rabbit, *topics)
    found = []
    for _ in topics:
        (received,) = queue.take(PATIENCE_S, 0.5)
        queue.acknowledge([received])
        found.append(received.topic)
    assert sorted(found) == topics
    queue.close()


def test_a_broker_that_dies_is_a_sentence(rabbit: HouseBroker) -> None:
    """An ingester at a broker that is killed hears of it, and comes back when it does."""
    queue = Queue(source(rabbit))
    killer = threading.Timer(0.5, rabbit.kill)
    killer.start()
    with pytest.raises(BrokerError, match="Is RabbitMQ running"):
        queue.hold(60)
    killer.join()
    queue.close()
    with pytest.raises(BrokerError, match="sered-central"):
        Queue(source(rabbit))
    rabbit.start()
    Queue(source(rabbit)).close()


def test_the_doctor_sees_the_queue(rabbit: HouseBroker) -> None:
    """It names the node that does not answer, what waits, how many take it; no queue is a fault."""
    asked = source(rabbit).model_copy(update={"queue": "sered-doctor"})
    with pytest.raises(BrokerError, match=r"The queue sered-doctor .*cannot be used"):
        looked_at(asked)
    one = Queue(asked)
    publish(rabbit, "sered/site/desk1/calls")
    kept = one.take(60.0, 0.5)
    assert len(kept) == 1
    away, _, ingesters = looked_at(asked)
    assert (away, ingesters) == (["amqp://127.0.0.1:1/"], 1)
    one.close()
    _, waiting, ingesters = looked_at(asked)
    assert (waiting, ingesters) == (1, 0)
