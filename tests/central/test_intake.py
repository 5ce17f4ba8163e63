"""From a real broker into both databases: acknowledged after COMMIT, whatever is killed."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker, wait_until
from central_boxes import arrived, calls, count
from sered.central.errors import StoreError
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from central_stage import Clock
    from sered.central.context import Central
    from sered.delivery.subscription import Received


@pytest.fixture
def running(central: Central, broker: Broker) -> Iterator[tuple[Intake, threading.Event]]:
    """An intake that listens to a real broker."""
    source = central.settings.source.model_copy(update={"host": broker.host, "port": broker.port})
    settings = central.settings.model_copy(update={"source": source})
    intake, stop = Intake(replace(central, settings=settings)), threading.Event()
    thread = threading.Thread(target=intake.run, args=(stop,))
    thread.start()
    wait_until(lambda: intake.health.connected, what="the session")
    yield intake, stop
    stop.set()
    thread.join(10)


def publish(broker: Broker, batch: list[Received]) -> None:
    """Over the network, QoS 1, as boxes do."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for info in [client.publish(one.topic, one.body, qos=1) for one in batch]:
        info.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_over_a_real_broker(
    central: Central, broker: Broker, clock: Clock, running: tuple[Intake, threading.Event]
) -> None:
    """What boxes publish is stored; a broker that is killed and comes back loses nothing."""
    batch = [arrived(messages.report(call)) for call in calls(clock, 300)]
    publish(broker, batch[:150])
    wait_until(lambda: count(central, tables.call) == 150, what="half of the calls")
    broker.restart()
    wait_until(lambda: not running[0].health.connected, what="the break")
    wait_until(lambda: running[0].health.connected, what="the session to be back")
    publish(broker, batch)
    wait_until(lambda: count(central, tables.call) == 300, what="all calls")


@pytest.mark.usefixtures("running")
def test_nothing_is_acknowledged_while_the_store_is_away(
    central: Central,
    broker: Broker,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An outage of the store is waited out: the board can say why, then all is stored."""
    write = type(central.store).writing
    away = threading.Event()
    away.set()

    def writing(store: Any) -> Any:
        if away.is_set():
            msg = "The database does not answer (test). Is it running?"
            raise StoreError(msg, "away")
        return write(store)

    monkeypatch.setattr(type(central.store), "writing", writing)
    publish(broker, [arrived(messages.report(call)) for call in calls(clock, 50)])
    wait_until(
        lambda: "does not answer" in central.intake_says.sentence, what="the outage to be said"
    )
    away.clear()
    wait_until(lambda: count(central, tables.call) == 50, what="the calls")
    wait_until(lambda: not central.intake_says.sentence, what="the sentence to go")
