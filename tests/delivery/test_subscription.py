"""What who listens is promised, at a real Mosquitto: nothing is lost, nothing is poison."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from broker import Authority, Broker, wait_until
from chaos.box import report
from message_makers import status
from sered.contract.messages import CallReport, Status, encode
from sered.contract.reading import LARGEST, SetAside, Why
from sered.delivery.broker import LARGEST_READ
from sered.delivery.connection import Connection
from sered.delivery.subscription import Subscription, follow
from sered.errors import BrokerError
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sered.delivery.subscription import Received

CALLS = "sered/site/box/calls"
WEEK_S = 7 * 86_400


def at(broker: Broker, **settings: Any) -> MqttSettings:
    return MqttSettings(**{"host": broker.host, "port": broker.port, **settings})


def publish(broker: Broker, *said: tuple[str, bytes], retain: bool = False, **how: Any) -> None:
    """Somebody says this; returns when the broker has acknowledged all."""
    link = Connection(at(broker, **how), "somebody")
    waiting = {link.publish(topic, body, qos=1, retain=retain) for topic, body in said}
    end = time.monotonic() + 10.0
    while waiting:
        assert time.monotonic() < end
        waiting -= {number for number, _ in link.pump(0.1)}
    link.close()


def ids(batch: Sequence[Received]) -> list[str]:
    return [each.found.call_id for each in batch if isinstance(each.found, CallReport)]


def all_of(subscription: Subscription, count: int) -> list[Received]:
    """So many messages, acknowledged."""
    seen: list[Received] = []
    end = time.monotonic() + 10.0
    while len(seen) < count and time.monotonic() < end:
        batch = subscription.take()
        subscription.acknowledge(batch)
        seen += batch
    assert len(seen) == count
    return seen


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_what_is_not_acknowledged_comes_again(broker: Broker, version: str) -> None:
    """What was taken and not acknowledged is given again; what was acknowledged never is."""
    mqtt = at(broker, version=version)
    first = Subscription(mqtt, ["sered/+/+/calls"], client_id="central", session_s=WEEK_S)
    publish(broker, *((CALLS, encode(report(n))) for n in range(4)))
    seen: list[Received] = []
    while len(seen) < 4:
        seen += first.take()
    first.acknowledge(seen[:2])
    first.close()
    with Subscription(mqtt, ["sered/+/+/calls"], client_id="central", session_s=WEEK_S) as second:
        assert ids(all_of(second, 2)) == [report(n).call_id for n in (2, 3)]
    with Subscription(mqtt, ["sered/+/+/calls"], client_id="central", session_s=WEEK_S) as third:
        assert third.take(0.3) == []


def test_batches_are_acknowledged_when_their_handler_has_returned(broker: Broker) -> None:
    """A backlog comes in batches; one whose handler fails comes again, whole and in order."""
    mqtt = at(broker)
    how: dict[str, Any] = {"client_id": "central", "session_s": WEEK_S, "most": 50}
    Subscription(mqtt, ["sered/+/+/calls"], client_id="central", session_s=WEEK_S).close()
    publish(broker, *((CALLS, encode(report(n))) for n in range(300)))
    kept: list[list[str]] = []

    def breaks(batch: Sequence[Received]) -> None:
        if len(kept) == 2:
            raise OSError("the disk is full")
        kept.append(ids(batch))

    with pytest.raises(OSError, match="disk"):
        follow(mqtt, ["sered/+/+/calls"], breaks, **how)
    stop = threading.Event()

    def keeps(batch: Sequence[Received]) -> None:
        kept.append(ids(batch))
        if kept[-1][-1] == report(299).call_id:
            stop.set()

    follow(mqtt, ["sered/+/+/calls"], keeps, stopping=stop, **how)
    assert [each for batch in kept for each in batch] == [report(n).call_id for n in range(300)]
    assert max(map(len, kept)) == 50


def test_nothing_is_poison(broker: Broker) -> None:
    """Bad messages of every kind are set aside, counted and acknowledged; what follows arrives."""
    mqtt = at(broker)
    with Subscription(
        mqtt, ["sered/#", "other/#"], client_id="central", session_s=WEEK_S
    ) as subscription:
        good = encode(report(1))
        named = json.loads(good)
        publish(
            broker,
            (CALLS, b"not json"),
            (CALLS, b"[]"),
            (CALLS, b'{"schema":"sered.call/1"}'),
            (CALLS, b"[" * 5000),
            (CALLS, json.dumps(named | {"call_id": ["a"]}).encode()),
            (CALLS, json.dumps(named | {"schema": "sered.call/2"}).encode()),
            (CALLS, b'{"schema":"sered.probe/1"}'),
            ("sered/oslo/box/calls", good),
            (CALLS, b"x" * (LARGEST + 1)),
            (CALLS, b""),
            ("sered/site/box/doctor", good),
            ("other/site/box/calls", good),
            (CALLS, good),
        )
        seen = all_of(subscription, 13)
        assert ids(seen) == [report(1).call_id]
        assert subscription.set_aside == {
            Why.MALFORMED: 5, Why.UNKNOWN_SCHEMA: 1, Why.PROBE: 1, Why.MISPLACED: 1,
            Why.TOO_LARGE: 1, Why.CLEARED: 1, Why.FOREIGN_TOPIC: 2,
        }  # fmt: skip
    with Subscription(mqtt, ["sered/#"], client_id="central", session_s=WEEK_S) as again:
        assert again.take(0.3) == []


def test_what_no_listener_could_keep_never_comes(broker: Broker) -> None:
    """A message above four megabytes is dropped by an MQTT 5 broker, and the next one arrives."""
    with Subscription(
        at(broker), ["sered/#"], client_id="central", session_s=WEEK_S
    ) as subscription:
        publish(broker, (CALLS, b"x" * (LARGEST_READ + 1)), (CALLS, encode(report(1))))
        assert ids(all_of(subscription, 1)) == [report(1).call_id]


def test_old_alarms_are_no_news(broker: Broker) -> None:
    """A call or alert that somebody had retained is set aside; a retained status is what it is."""
    publish(broker, (CALLS, encode(report(1))), ("sered/site/box/alerts", b"{}"), retain=True)
    publish(broker, ("sered/site/box/status", encode(status())), retain=True)
    with Subscription(at(broker), ["sered/#"]) as subscription:
        by_leaf = {each.topic.rpartition("/")[2]: each for each in all_of(subscription, 3)}
        assert all(each.retained for each in by_leaf.values())
        assert by_leaf["status"].found == status()
        assert subscription.set_aside == {Why.STALE: 2}
        publish(broker, (CALLS, encode(report(2))))
        assert ids(all_of(subscription, 1)) == [report(2).call_id]


def test_a_base_of_several_levels_is_listened_to(broker: Broker) -> None:
    """Below a base of several levels messages are known as whose they are."""
    with Subscription(at(broker, base="acme/phones"), ["acme/phones/+/+/status"]) as subscription:
        publish(broker, ("acme/phones/site/box/status", encode(status())))
        (seen,) = all_of(subscription, 1)
        assert isinstance(seen.found, Status)


def test_it_listens_on_after_the_broker_was_away(broker: Broker) -> None:
    """Over a restart of the broker, and what is said before it is back, every call comes."""
    stop = threading.Event()
    heard: list[str] = []
    lost: list[BrokerError] = []
    listening = threading.Event()

    def handle(batch: Sequence[Received]) -> None:
        heard.extend(ids(batch))

    thread = threading.Thread(
        target=follow,
        args=(at(broker), ["sered/+/+/calls"], handle),
        kwargs={
            "client_id": "central", "session_s": WEEK_S, "stopping": stop, "lost": lost.append,
            "connected": lambda _: listening.set(), "delays_s": (0.05, 0.2),
        },
        daemon=True,
    )  # fmt: skip
    thread.start()
    assert listening.wait(10)
    publish(broker, *((CALLS, encode(report(n))) for n in range(20)))
    broker.stop()
    wait_until(lambda: lost)
    broker.start()
    publish(broker, *((CALLS, encode(report(n))) for n in range(20, 40)))
    wait_until(lambda: set(heard) == {report(n).call_id for n in range(40)})
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert all(isinstance(error, BrokerError) for error in lost)


def test_it_listens_through_tls_with_a_password(tmp_path: Path) -> None:
    """TLS, private authority and login are those of [mqtt]; a wrong password is said to be one."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("localhost")
    broker = Broker(
        tmp_path / "broker",
        passwords={"central": "right"},
        tls=(authority.certificate, certificate, key),
        host="localhost",
    )
    broker.start()
    secure: dict[str, Any] = {
        "tls": True, "ca": authority.certificate, "username": "central",
        "password": SecretStr("right"),
    }  # fmt: skip
    try:
        with Subscription(at(broker, **secure), ["sered/#"]) as subscription:
            publish(broker, (CALLS, encode(report(1))), **secure)
            assert ids(all_of(subscription, 1)) == [report(1).call_id]
        with pytest.raises(BrokerError) as refused:
            Subscription(at(broker, **secure | {"password": SecretStr("wrong")}), ["sered/#"])
        assert refused.value.reason in ("password", "denied")
    finally:
        broker.stop()


@pytest.fixture
def refusing() -> Iterator[int]:
    """Port of a server that takes every login and refuses every subscription."""

    def serve(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.recv(1024)
            client.sendall(bytes([0x20, 3, 0, 0, 0]))
            asked = client.recv(1024)
            client.sendall(bytes([0x90, 4, *asked[2:4], 0, 0x87]))
            client.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(5)


def test_a_refused_subscription_is_told(refusing: int) -> None:
    """Where the broker's rules forbid to listen, the sentence names the topic and the ACL."""
    mqtt = MqttSettings(host="127.0.0.1", port=refusing)
    with pytest.raises(BrokerError, match=r"does not let us read sered/#.*ACL") as refused:
        Subscription(mqtt, ["sered/#"])
    assert refused.value.reason == "denied"


def test_what_was_said_does_not_show(broker: Broker) -> None:
    """Neither body nor report stands in the repr of a message: both may carry words."""
    with Subscription(at(broker), ["sered/#"]) as subscription:
        publish(broker, (CALLS, encode(report(1))), (CALLS, b"my words"))
        report_, words = all_of(subscription, 2)
    assert "transcript" not in repr(report_)
    assert "my words" not in repr(words)
    assert isinstance(words.found, SetAside)
    assert "my words" not in words.found.sentence
