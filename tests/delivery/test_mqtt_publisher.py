"""What the publisher promises, each with a real Mosquitto."""

from __future__ import annotations

import json
import random
import socket
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker import Broker, Listener, wait_until
from proxy import Proxy, Weather
from sered.delivery.backoff import Backoff
from sered.delivery.connection import Connection
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
from publishing import QUICK, numbers, put

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_delivery(
    version: str, broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """Whatever is put arrives in order, and then the spool is empty."""
    listener = Listener(broker)
    publisher = publish(broker, version=version)
    for number in range(200):
        put(spool, number)
        publisher.wake()
    assert numbers(listener.wait("calls", 200)) == list(range(200))
    wait_until(lambda: spool.depth == 0)
    assert publisher.state.published == 200
    listener.close()


def test_first_connect(spool: Spool, publish: Callable[..., MqttPublisher], tmp_path: Path) -> None:
    """A broker that comes up after the box gets everything, in order."""
    broker = Broker(tmp_path / "late")
    publisher = publish(broker)
    for number in range(50):
        put(spool, number)
    wait_until(lambda: "not running" in publisher.state.sentence)
    assert publisher.state.reason == "no_broker"
    broker.start()
    try:
        wait_until(lambda: publisher.state.connected)
        wait_until(lambda: spool.depth == 0)
    finally:
        broker.stop()


def test_broker_restarts(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """Five kills of the broker lose nothing and keep the order in which verdicts first arrive."""
    # no acknowledgements from it: one that meets a dead broker resets the connection, and what that
    # broker had handed on would be gone unread
    listener = Listener(broker, qos=0)
    # a killed broker forgets who was subscribed, and a box may be back before the subscriber is
    publisher = publish(broker, await_subscriber=True)
    for turn in range(5):
        for number in range(turn * 40, turn * 40 + 40):
            put(spool, number)
            publisher.wake()
        broker.restart()
    wait_until(lambda: spool.depth == 0, 30)
    wait_until(lambda: len(set(numbers(listener.on("calls")))) == 200, 15)
    assert list(dict.fromkeys(numbers(listener.on("calls")))) == list(range(200))
    listener.close()


def test_cuts(broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]) -> None:
    """Connections cut in the middle of an acknowledgement lose nothing."""
    listener = Listener(broker)
    proxy = Proxy(broker.host, broker.port, Weather(cut=0.2, delay_s=0.002))
    publisher = publish(broker, port=proxy.port)
    for number in range(300):
        put(spool, number)
    publisher.wake()
    wait_until(lambda: spool.depth == 0, 40)
    assert proxy.cuts > 3
    wait_until(lambda: set(numbers(listener.on("calls"))) == set(range(300)))
    assert list(dict.fromkeys(numbers(listener.on("calls")))) == list(range(300))
    proxy.close()
    listener.close()


def test_retained(broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]) -> None:
    """Status and health are there for a late subscriber, and again after a new broker."""
    publisher = publish(broker)
    publisher.retain("status", b'{"n": 1}')
    publisher.retain("status", b'{"n": 2}')
    publisher.retain("health", b'{"n": 3}')
    wait_until(lambda: publisher.state.connected)
    publisher.retain("health", b'{"n": 4}')
    broker.kill()
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    broker.start()
    wait_until(lambda: publisher.state.connects == 2)
    listener = Listener(broker)
    assert numbers(listener.wait("status")) == [2]
    assert numbers(listener.wait("health")) == [4]
    listener.close()


def test_status_is_said_again_as_it_is(
    broker: Broker, publish: Callable[..., MqttPublisher]
) -> None:
    """Who is given no retained messages hears the unchanged status before long all the same."""
    listener = Listener(broker)
    publisher = publish(broker, repeat_s=0.2)
    publisher.retain("status", b'{"n": 1}')
    publisher.retain("health", b'{"n": 2}')
    assert numbers(listener.wait("status", 3)) == [1, 1, 1]
    assert numbers(listener.wait("health")) == [2]
    listener.close()


def test_stop_says_offline(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """stop() delivers what waits, leaves a retained offline, and says it was stopped."""
    publisher = publish(broker)
    wait_until(lambda: publisher.state.connected)
    for number in range(30):
        put(spool, number)
    publisher.stop(3.0)
    assert spool.depth == 0
    listener = Listener(broker)
    status = json.loads(listener.wait("status")[0])
    assert (status["state"], status["text"]) == ("offline", "The box was stopped.")
    listener.close()


def test_vanishing_says_offline(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A box that vanishes is offline by its last will."""
    proxy = Proxy(broker.host, broker.port)
    publisher = publish(broker, port=proxy.port)
    publisher.retain("status", b'{"state": "online"}')
    wait_until(lambda: publisher.state.connected)
    listener = Listener(broker, "+/+/+/status")
    proxy.close()
    wait_until(lambda: b"offline" in listener.on("status")[-1])
    wait_until(lambda: "not running" in publisher.state.sentence)
    listener.close()


def test_live_is_never_kept(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """Live messages go out while there is a connection and are forgotten while there is none."""
    broker.stop()
    publisher = publish(broker)
    publisher.live(b'{"n": 1}')
    broker.start()
    listener = Listener(broker)
    wait_until(lambda: publisher.state.connected)
    publisher.live(b'{"n": 2}')
    assert numbers(listener.wait("live")) == [2]
    listener.close()


def test_garbage(spool: Spool, publish: Callable[..., MqttPublisher], tmp_path: Path) -> None:
    """Whatever bytes a broker sends, the publisher stays alive and says that it was no good."""
    die = random.Random(7)
    door = socket.create_server(("127.0.0.1", 0))
    door.settimeout(5)
    publisher = publish(Broker(tmp_path / "unused", port=door.getsockname()[1]))
    put(spool, 0)
    welcome = b"\x20\x03\x00\x00\x00"
    for turn in range(25):
        sock, _ = door.accept()
        sock.recv(4096)
        hostile = die.randbytes(die.randrange(1, 300))
        sock.sendall(hostile if turn % 2 else welcome + hostile)
        sock.close()
    assert publisher.state.reason
    assert spool.depth == 1
    door.close()


def test_mute(
    spool: Spool,
    publish: Callable[..., MqttPublisher],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that accepts connections and says nothing is named, and stop() does not wait."""
    monkeypatch.setattr("sered.delivery.connection.ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as door:
        publisher = publish(Broker(tmp_path / "unused", port=door.getsockname()[1]))
        wait_until(lambda: "says nothing" in publisher.state.sentence)
        monkeypatch.setattr("sered.delivery.connection.ANSWER_S", 60.0)
        time.sleep(2 * QUICK[1])
        began = time.monotonic()
        publisher.stop(1.0)
        assert time.monotonic() - began < 1.0


def test_messages_to_us(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A session that somebody left under our name, a megabyte in it, is not for us."""
    client_id = "sered/site/box"
    before = Listener(broker, "nonsense", client_id=client_id)
    before.close()
    noise = Connection(MqttSettings(host=broker.host, port=broker.port), "noise")
    for body in (b"\xff" * 1_000_000, *(b"\x00garbage",) * 5):
        noise.publish("nonsense", body, qos=1, retain=False)
        wait_until(lambda: noise.pump(0.1))
    noise.close()
    publisher = publish(broker)
    put(spool, 0)
    wait_until(lambda: spool.depth == 0)
    publisher.stop(1.0)
    assert (publisher.state.ignored, publisher.state.lost) == (0, 0)


def test_back_off() -> None:
    """Waits double from a second to a minute, with jitter, and stay there for ever."""
    backoff = Backoff()
    waits = []
    for _ in range(400):
        backoff.ended(0.0, progress=False, hung_up=False)
        waits.append([backoff.delay_s() for _ in range(200)])
    assert all(1.0 <= wait <= 60.0 for row in waits for wait in row)
    assert max(waits[0]) <= 1.0
    assert 2.0 < max(waits[2]) <= 4.0
    assert 30.0 <= min(waits[-1]) < max(waits[-1]) - 20
    backoff.ended(60.0, progress=False, hung_up=False)
    assert backoff.delay_s() == 1.0
    assert backoff.delay_s(taken_over=True) >= 150.0


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.sampled_from(
            ["put", "put", "put", "cut", "stall", "broker", "restart", "crash", "wait"]
        ),
        max_size=14,
    )
)
def test_any_order(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """However puts, cuts, crashes and restarts follow each other, all arrive, in order."""
    folder = tmp_path_factory.mktemp("any")
    run = folder.name
    listener = Listener(broker, f"+/{run}/+/calls", client_id=run)
    proxy = Proxy(broker.host, broker.port)
    mqtt = MqttSettings(host=proxy.host, port=proxy.port, await_subscriber=True)

    def start(path: Path) -> tuple[Spool, MqttPublisher]:
        spool = Spool(SpoolSettings(path=path))
        publisher = MqttPublisher(mqtt, run, "box", spool, delays_s=QUICK)
        publisher.start()
        return spool, publisher

    path = folder / "spool.db"
    spool, publisher = start(path)
    count = 0
    for number, step in enumerate(steps):
        if step == "put":
            for _ in range(7):
                assert put(spool, count)
                count += 1
            publisher.wake()
        elif step == "wait":
            time.sleep(0.05)
        elif step == "cut":
            proxy.cut()
        elif step == "stall":
            proxy.weather = Weather(stall=0.0 if proxy.weather.stall else 0.1)
        elif step == "broker":
            broker.restart()
        else:
            if step == "crash":
                proxy.cut()
            publisher.stop(0.0 if step == "crash" else 0.3)
            if step == "crash":
                copy = folder / f"crash{number}.db"
                for suffix in ("", "-wal"):
                    content = path.with_name(path.name + suffix).read_bytes()
                    copy.with_name(copy.name + suffix).write_bytes(content)
                spool.close()
                path = copy
            else:
                spool.close()
            spool, publisher = start(path)
    proxy.weather = Weather()
    proxy.cut()
    publisher.wake()
    wait_until(lambda: not spool.depth, 30, f"delivery of {spool.depth} of {count}")
    wait_until(lambda: set(numbers(listener.on("calls"))) == set(range(count)))
    assert list(dict.fromkeys(numbers(listener.on("calls")))) == list(range(count))
    publisher.stop(1.0)
    spool.close()
    proxy.close()
    listener.close()
