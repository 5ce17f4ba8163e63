"""What the publisher promises, each with a real Mosquitto."""

from __future__ import annotations

import json
import random
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker import Authority, Broker, Listener, wait_until
from proxy import Proxy, Weather
from sered.delivery.backoff import Backoff
from sered.delivery.broker import client_id
from sered.delivery.connection import Connection
from sered.delivery.mqtt_publisher import REPEAT_S, MqttPublisher
from sered.delivery.spool import Spool
from sered.errors import ConfigError
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


QUICK = (0.05, 0.2)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool" / "spool.db"))
    yield spool
    spool.close()


def put(spool: Spool, number: int, leaf: str = "calls", size: int = 0) -> bool:
    body = json.dumps({"n": number, "pad": "x" * size}).encode()
    return spool.put(leaf, body, key=f"{leaf}-{number}", line="line1")


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    """Starts publishers for the spool, with `MqttSettings` by name."""
    running: list[MqttPublisher] = []

    def start(broker: Broker, repeat_s: float = REPEAT_S, **settings: Any) -> MqttPublisher:
        mqtt = MqttSettings(**{"host": broker.host, "port": broker.port, **settings})
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=QUICK, repeat_s=repeat_s)
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)


def numbers(payloads: list[bytes]) -> list[int]:
    return [json.loads(payload)["n"] for payload in payloads]


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


def test_acl_denial(
    start_broker: Callable[..., Broker], spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A topic the broker denies is named, keeps its messages, and holds up no other topic."""
    rules = "user box\ntopic write sered/site/box/calls\ntopic write sered/site/box/status\n"
    broker = start_broker(passwords={"box": "pw"}, acl=rules)
    publisher = publish(broker, username="box", password="pw")
    for number in range(40):
        put(spool, number)
        put(spool, number, "alerts")
    publisher.wake()
    wait_until(lambda: publisher.state.published == 40)
    wait_until(lambda: publisher.state.faults)
    assert "sered/site/box/alerts" in publisher.state.sentence
    assert publisher.state.faults[0][0] == "denied"
    refused = publisher.state.refused
    time.sleep(1.0)
    assert publisher.state.refused == refused, "asks again and again"
    assert spool.depth == 40
    broker.stop()
    broker.acl = "user box\ntopic write sered/site/box/#\n"
    broker.start()
    wait_until(lambda: spool.depth == 0, 15)
    assert publisher.state.faults == ()


def test_too_large(
    start_broker: Callable[..., Broker], spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A message over the broker's limit waits and is named; those behind it pass."""
    broker = start_broker(extra="max_packet_size 2000")
    publisher = publish(broker)
    put(spool, 0, size=5000)
    put(spool, 1)
    publisher.wake()
    wait_until(lambda: publisher.state.published == 1)
    assert publisher.state.reason == "too_large"
    assert "2000" in publisher.state.sentence
    assert publisher.state.lost == 0
    assert spool.depth == 1
    broker.stop()
    broker.extra = "max_packet_size 20000"
    broker.start()
    wait_until(lambda: spool.depth == 0)


def test_too_large_unannounced(
    start_broker: Callable[..., Broker], spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """With MQTT 3.1.1 the broker just cuts: after five cuts on one message the others pass."""
    broker = start_broker(extra="max_packet_size 2000")
    publisher = publish(broker, version="3.1.1")
    put(spool, 0, size=5000)
    put(spool, 1)
    publisher.wake()
    wait_until(lambda: publisher.state.published == 1, 20)
    assert "cuts the connection" in publisher.state.sentence
    assert spool.depth == 1


@pytest.mark.parametrize(
    ("extra", "word", "depth"), [("retain_available false", "retain", 0), ("max_qos 0", "qos", 1)]
)
def test_poor_broker(
    extra: str,
    word: str,
    depth: int,
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
) -> None:
    """A broker without retain is served without it; one without QoS 1 gets no verdict to lose."""
    broker = start_broker(extra=extra)
    publisher = publish(broker)
    publisher.retain("status", b"{}")
    put(spool, 0)
    wait_until(lambda: publisher.state.connected)
    wait_until(lambda: spool.depth == depth)
    time.sleep(0.3)
    assert [reason for reason, _ in publisher.state.faults] == [word]
    assert publisher.state.connected
    assert publisher.state.connects == 1


def test_taken_over(broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]) -> None:
    """A second box with our client id is named and left alone, even if the broker says nothing."""
    publisher = publish(broker, client_id="twin")
    wait_until(lambda: publisher.state.connected)
    twin = Listener(broker, client_id="twin")
    wait_until(lambda: publisher.state.reason == "taken_over")
    assert "twin" in publisher.state.sentence
    connects = publisher.state.connects
    time.sleep(0.4 * QUICK[1])
    assert publisher.state.connects == connects, "fights"
    twin.close()
    wait_until(lambda: publisher.state.connected)
    assert "taken_over" in dict(publisher.state.faults)


def test_taken_over_said(
    spool: Spool, publish: Callable[..., MqttPublisher], tmp_path: Path
) -> None:
    """Where the broker says that our session was taken, once is enough."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        publisher = publish(Broker(tmp_path / "unused", port=door.getsockname()[1]))
        sock, _ = door.accept()
        sock.recv(4096)
        sock.sendall(b"\x20\x03\x00\x00\x00" + b"\xe0\x01\x8e")
        wait_until(lambda: publisher.state.reason == "taken_over")
        assert "sered/site/box" in publisher.state.sentence
        assert "0x8E" in publisher.state.sentence
        sock.close()


def test_await_subscriber(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """With await_subscriber a verdict waits until somebody listens, and that is said."""
    publisher = publish(broker, await_subscriber=True)
    for number in range(60):
        put(spool, number)
    publisher.wake()
    wait_until(lambda: publisher.state.reason == "unheard")
    assert spool.depth == 60
    listener = Listener(broker)
    assert set(numbers(listener.wait("calls", 60))) == set(range(60))
    assert list(dict.fromkeys(numbers(listener.on("calls")))) == list(range(60))
    wait_until(lambda: spool.depth == 0)
    assert publisher.state.faults == ()
    listener.close()


def test_wrong_password(
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong password is named, tried again without haste, and never printed."""
    caplog.set_level("DEBUG")
    broker = start_broker(passwords={"box": "right"})
    publisher = publish(broker, username="box", password="hunter2-wrong")
    put(spool, 0)
    wait_until(lambda: publisher.state.reason != "no_broker")
    state = publisher.state
    assert state.reason in ("denied", "password")
    assert "password" in state.sentence
    assert not state.connected
    assert state.connects == 0
    assert "hunter2" not in caplog.text + repr(state) + repr(publisher.__dict__)
    assert spool.depth == 1


def test_password_in_clear() -> None:
    """A password for a broker over the network needs TLS, or `insecure`, which is then said."""
    mqtt = MqttSettings(host="broker.example", username="box", password="hunter2")
    with pytest.raises(ConfigError, match="clear text") as caught:
        MqttPublisher(mqtt, "site", "box", None)  # type: ignore[arg-type]  # never gets so far
    assert "hunter2" not in str(caught.value)
    insecure = mqtt.model_copy(update={"insecure": True})
    publisher = MqttPublisher(insecure, "site", "box", None)  # type: ignore[arg-type]  # never gets so far
    assert dict(publisher.state.faults) == {
        "insecure": "The broker's password travels in clear text."
    }


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_tls_with_certificates(
    authority: Authority,
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
) -> None:
    """A private authority and our own certificate get verdicts through a TLS that flips bits."""
    server = authority.issue("localhost", ["localhost", "127.0.0.1"])
    cert, key = authority.issue("box")
    broker = start_broker(tls=(authority.certificate, *server), client_certificates=True)
    proxy = Proxy(broker.host, broker.port, Weather(corrupt=0.05), seed=3)
    publisher = publish(
        broker, port=proxy.port, tls=True, ca=authority.certificate, cert=cert, key=key
    )
    for number in range(100):
        put(spool, number)
        time.sleep(0.005)
        publisher.wake()
    wait_until(lambda: spool.depth == 0, 30)
    assert proxy.flips > 0
    proxy.close()


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("expired", "expired"),
        ("wrong host", "another"),
        ("wrong authority", "authority"),
        ("no certificate of ours", "certificate of ours"),
        ("clear text broker", "TLS"),
        ("no such file", "cannot be used"),
    ],
)
def test_tls_faults(
    case: str,
    said: str,
    authority: Authority,
    tmp_path: Path,
    start_broker: Callable[..., Broker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
) -> None:
    """Every way in which a certificate can be wrong is named, and nothing is sent or lost."""
    days = -1 if case == "expired" else 1
    server = authority.issue("far" if case == "wrong host" else "127.0.0.1", ends_in_days=days)
    ca = authority.certificate
    if case == "wrong authority":
        ca = Authority(tmp_path / "other", "Other CA").certificate
    if case == "no such file":
        ca = tmp_path / "nothing.crt"
    tls = None if case == "clear text broker" else (authority.certificate, *server)
    broker = start_broker(tls=tls, client_certificates=case == "no certificate of ours")
    publisher = publish(broker, tls=True, ca=ca)
    put(spool, 0)
    wait_until(lambda: publisher.state.reason in ("tls", "lost"), 10)
    assert said in publisher.state.sentence
    assert publisher.state.connects == 0
    assert spool.depth == 1


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


def test_broker_restarts_are_no_rival(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A broker that is restarted again and again under an idle box is not a second box."""
    publisher = publish(broker)
    for _ in range(6):
        wait_until(lambda: publisher.state.connected, 5)
        time.sleep(0.1)
        broker.restart()
        wait_until(lambda: not publisher.state.connected, 5)
    wait_until(lambda: publisher.state.connected, 3)
    assert publisher.state.taken_over == 0
    assert publisher.state.faults == ()


def test_client_ids(tmp_path: Path) -> None:
    """Names make one client id only, and one that nobody can guess where there is a secret."""
    plain = MqttSettings()
    assert client_id(plain, "berlin-1", "desk") != client_id(plain, "berlin", "1-desk")
    assert client_id(plain, "a", "b") == "sered/a/b"
    assert client_id(MqttSettings(client_id="mine"), "a", "b") == "mine"
    ids = []
    for number in range(2):
        key = tmp_path / f"key{number}"
        key.write_bytes(b"private %d" % number)
        mqtt = MqttSettings(tls=True, cert=key, key=key)
        ids.append(client_id(mqtt, "a", "b"))
        assert client_id(mqtt, "a", "b") == ids[-1], "the same at every start"
        assert client_id(mqtt, "a", "c").rpartition("/")[2] not in ids[-1]
    words = [MqttSettings(username="u", password=word) for word in ("secret", "other")]
    ids += [client_id(mqtt, "a", "b") for mqtt in words]
    assert len(set(ids)) == 4
    assert all(re.fullmatch("sered/a/b/[0-9a-f]{16}", each) for each in ids)


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
