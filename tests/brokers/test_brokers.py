"""What brokers that people have keep of what sered asks of one; run by `make test-brokers`."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import wait_until
from brokers.houses import PASSWORD, USER, HouseBroker
from brokers.table import ROWS, Keeps
from proxy import Proxy
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(1800)]
STATUS = "sered/site/box/status"
MARK = b"mark"
KILLS, EACH = 3, 40
PATIENCE_S = 300.0
"""Every wait ends with what it waits for; on a busy machine a broker takes a minute to start."""


@pytest.fixture(autouse=True)
def can_run() -> None:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap: the brokers live in Debian releases of their own")


class Reader:
    """A subscriber in the newest version that the broker speaks."""

    def __init__(self, broker: HouseBroker, topic: str, name: str, *, five: bool, stays: bool):
        self.got: list[tuple[str, bytes, bool]] = []
        self.shared, self._five = False, five
        """Whether it lets several subscribers share one queue, as MQTT 5 says."""
        self._topic, self._ready = topic, 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            clean_session=None if five else not stays,
        )
        self._client.username_pw_set(USER, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came
        more: dict[str, Any] = {}
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            properties.SessionExpiryInterval = 3600
            more = {"clean_start": not stays, "properties": properties}
        self._client.connect(broker.host, broker.port, **more)
        self._client.loop_start()
        wait_until(lambda: self._ready, PATIENCE_S, "the subscription")

    def _connected(self, client: paho.Client, _u: object, _f: object, _r: object, p: Any) -> None:
        self.shared = self._five and bool(getattr(p, "SharedSubscriptionAvailable", True))
        client.subscribe(self._topic, 1)

    def _subscribed(self, *_: object) -> None:
        self._ready += 1

    def _came(self, _c: object, _u: object, message: paho.MQTTMessage) -> None:
        self.got.append((message.topic, bytes(message.payload), message.retain))

    def mark(self, topic: str, reader: Reader) -> None:
        """Return when it has this on the topic: what the broker had kept for it came before."""
        self._client.publish(topic, MARK, 1)
        wait_until(reader.marked, PATIENCE_S, "the mark")

    def marked(self) -> bool:
        """Whether the mark has come."""
        return any(body == MARK for _, body, _ in self.got)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    yield spool
    spool.close()


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    """Starts the box's publisher for a broker; `MqttSettings` by name."""
    running: list[MqttPublisher] = []

    def start(port: int, **more: Any) -> MqttPublisher:
        known = {"host": "127.0.0.1", "port": port, "username": USER, "password": PASSWORD}
        mqtt = MqttSettings(**{**known, **more})
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=(0.1, 0.5))
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)


@pytest.fixture
def serve() -> Iterator[Callable[..., HouseBroker]]:
    running: list[HouseBroker] = []

    def start(row: Keeps, **more: Any) -> HouseBroker:
        running.append(HouseBroker(row.suite, row.kind, **more))
        return running[-1].start()

    yield start
    for broker in running:
        broker.stop()


each_broker = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def retained(broker: HouseBroker, row: Keeps, central: Reader, topic: str) -> bool:
    """Whether a new subscriber is given what was kept; a broker may still be putting it by."""
    late = Reader(broker, topic, "late", five=row.five, stays=False)
    central.mark(STATUS, late)
    late.close()
    return any(kept for _, _, kept in late.got)


def _kept_or_not(
    broker: HouseBroker, row: Keeps, central: Reader, topic: str, *, wanted: bool
) -> None:
    end = time.monotonic() + PATIENCE_S
    while retained(broker, row, central, topic) is not wanted:
        assert time.monotonic() < end, f"{topic}: retained is not {wanted}"


@each_broker
def test_keeps(
    row: Keeps, serve: Callable[..., HouseBroker], spool: Spool, publish: Callable[..., Any]
) -> None:
    """Calls through kills, retained status, last will and `$share` are as the table says."""
    broker = serve(row)
    central = Reader(broker, "sered/+/+/calls", "central", five=row.five, stays=True)
    assert central.shared is row.shared
    proxy = Proxy(broker.host, broker.port)
    box = publish(proxy.port)
    box.retain("status", b'{"state":"online"}')
    wait_until(lambda: box.state.connected, PATIENCE_S, "the connection")
    assert [reason for reason, _ in box.state.faults] == ([] if row.five else ["version"])
    for kill in range(KILLS):
        for number in range(kill * EACH, (kill + 1) * EACH):
            assert spool.put("calls", b'{"n":%d}' % number, key=f"c{number}", line="l")
            box.wake()
            time.sleep(0.005)
        broker.restart()
    wait_until(lambda: not spool.depth, PATIENCE_S, "delivery")
    wanted = KILLS * EACH - row.lost
    wait_until(lambda: len({body for _, body, _ in central.got}) == wanted, PATIENCE_S, "calls")
    for topic, keeps in ((STATUS, row.retained), ("sered/+/+/status", row.wildcard)):
        _kept_or_not(broker, row, central, topic, wanted=keeps)
    wild = Reader(broker, "sered/+/+/status", "wild", five=row.five, stays=False)
    proxy.close()
    vanished = "the last will"
    wait_until(lambda: any(b"vanished" in body for _, body, _ in wild.got), PATIENCE_S, vanished)
    assert row.will
    for each in (central, wild):
        each.close()


@each_broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_refuses_a_topic(
    version: str,
    row: Keeps,
    serve: Callable[..., HouseBroker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
) -> None:
    """A call that the broker's rules refuse stays on the box and is named; its alert passes."""
    broker = serve(row, denied="sered/site/box/calls")
    box = publish(broker.port, version=version)
    spool.put("calls", b"{}", key="c", line="l")
    spool.put("alerts", b"{}", key="c/confirmed", line="l")
    wait_until(lambda: spool.depth == 1, PATIENCE_S, "the alert to pass")
    said = {"denied", "refused", "unproven"}
    wait_until(lambda: said & set(dict(box.state.faults)), PATIENCE_S, "the refusal to be said")
    assert [message.key for message in spool.peek(9)] == ["c"]
    assert "sered/site/box/calls" in str(box.state.faults)


@each_broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_refuses_a_size(
    version: str,
    row: Keeps,
    serve: Callable[..., HouseBroker],
    spool: Spool,
    publish: Callable[..., MqttPublisher],
) -> None:
    """A message that is too large stays on the box and is named; others pass. Some take all."""
    broker = serve(row, largest=3000 if row.limit else 0)
    box = publish(broker.port, version=version)
    spool.put("calls", b"x" * 5000, key="c", line="l")
    spool.put("alerts", b"{}", key="c/confirmed", line="l")
    wait_until(lambda: spool.depth == int(row.limit), PATIENCE_S, "the alert to pass")
    if row.limit:
        assert [message.key for message in spool.peek(9)] == ["c"]
        said = {"too_large", "refused", "unproven"}
        wait_until(lambda: said & set(dict(box.state.faults)), PATIENCE_S, "the refusal to be said")
