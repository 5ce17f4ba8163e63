"""What the publisher does where a broker refuses: rights, sizes, logins, certificates, rivals."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

import pytest

from broker import Authority, Broker, Listener, wait_until
from proxy import Proxy, Weather
from sered.delivery.broker import client_id
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.errors import ConfigError
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.delivery.spool import Spool
from publishing import QUICK, numbers, put

pytestmark = pytest.mark.slow


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
    wait_until(lambda: spool.depth == 0)
    assert publisher.state.faults == ()


def test_a_broker_that_denies_all_and_hangs_up_is_no_rival(
    start_broker: Callable[..., Broker], spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """Mosquitto 2.0.11 ends the connection after each refusal: its rules are named, no rival."""
    broker = start_broker(passwords={"box": "pw"}, acl="user box\ntopic read nothing\n")
    publisher = publish(broker, username="box", password="pw")
    for leaf in ("status", "health"):
        publisher.retain(leaf, b"{}")
    put(spool, 1)
    put(spool, 1, "alerts")
    publisher.wake()
    leaves = ("status", "health", "calls", "alerts")

    def named() -> bool:
        said = " ".join(sentence for _, sentence in publisher.state.faults)
        return all(f"sered/site/box/{leaf} " in said for leaf in leaves)

    wait_until(named, 60)
    assert publisher.state.reason == "denied"
    assert "Mend its ACL" in publisher.state.sentence
    assert publisher.state.taken_over == 0
    assert spool.depth == 2


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
    wait_until(lambda: publisher.state.published == 1)
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
    wait_until(lambda: publisher.state.reason in ("tls", "lost"))
    assert said in publisher.state.sentence
    assert publisher.state.connects == 0
    assert spool.depth == 1


def test_broker_restarts_are_no_rival(
    broker: Broker, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A broker that is restarted again and again under an idle box is not a second box."""
    publisher = publish(broker)
    for _ in range(6):
        wait_until(lambda: publisher.state.connected)
        time.sleep(0.1)
        broker.restart()
        wait_until(lambda: not publisher.state.connected)
    wait_until(lambda: publisher.state.connected)
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
