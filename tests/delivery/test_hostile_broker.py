"""Brokers that cannot be trusted: floods cost no memory, and what they confirm is asked again."""

from __future__ import annotations

import random
import socket
import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import wait_until
from sered.delivery.guarded_client import FloodError, Framing
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.settings import MqttSettings, SpoolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PUBLISH, UNSUBSCRIBE = 3, 10
WELCOME = b"\x20\x03\x00\x00\x00"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(SpoolSettings(path=tmp_path / "spool.db"))
    yield spool
    spool.close()


def packets(sock: socket.socket) -> Iterator[tuple[int, bytes]]:
    """(kind, body) of each MQTT packet, however many of them TCP hands over at once."""
    held = b""

    def take(size: int) -> bytes:
        nonlocal held
        while len(held) < size:
            came = sock.recv(65_536)
            if not came:
                raise ConnectionResetError
            held += came
        taken, held = held[:size], held[size:]
        return taken

    while True:
        kind, size, shift, more = take(1)[0] >> 4, 0, 0, True
        while more:
            digit = take(1)[0]
            size |= (digit & 0x7F) << shift
            shift, more = shift + 7, digit > 0x7F
        yield kind, take(size)


def puback(sock: socket.socket, body: bytes) -> None:
    """Confirm a PUBLISH of QoS 1."""
    after = 2 + int.from_bytes(body[:2], "big")
    sock.sendall(b"\x40\x02" + body[after : after + 2])


def unsuback(sock: socket.socket, body: bytes) -> None:
    """Answer an UNSUBSCRIBE."""
    sock.sendall(b"\xb0\x04" + body[:2] + b"\x00\x11")


class Imposter:
    """A server that welcomes every CONNECT, and then does as it is told."""

    def __init__(self, then: Callable[[socket.socket], None]) -> None:
        self._then = then
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._door.accept()
            except OSError:
                return
            with sock:
                try:
                    next(packets(sock))
                    sock.sendall(WELCOME)
                    self._then(sock)
                except OSError:
                    pass

    def close(self) -> None:
        self._door.close()


def length(size: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., MqttPublisher]]:
    running: list[MqttPublisher] = []

    def start(imposter: Imposter) -> MqttPublisher:
        mqtt = MqttSettings(host="127.0.0.1", port=imposter.port)
        publisher = MqttPublisher(mqtt, "site", "box", spool, delays_s=(0.05, 0.2))
        running.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in running:
        publisher.stop(1.0)


def test_one_huge_message(publish: Callable[..., MqttPublisher]) -> None:
    """A packet over what we announced is not read: the link is cut before the memory is spent."""
    sent = [0]

    def flood(sock: socket.socket) -> None:
        sock.sendall(b"\x30" + length(268_435_455) + b"\x00\x01x")
        for _ in range(268):
            sock.sendall(bytes(1_000_000))
            sent[0] += 1

    before = psutil.Process().memory_info().rss
    imposter = Imposter(flood)
    publisher = publish(imposter)
    wait_until(lambda: publisher.state.lost >= 2)
    assert publisher.state.reason == "flood"
    assert "268435455 bytes" in publisher.state.sentence
    assert sent[0] < 40, "it was read to its end"
    assert psutil.Process().memory_info().rss - before < 30e6
    imposter.close()


def test_messages_that_are_never_released(publish: Callable[..., MqttPublisher]) -> None:
    """Messages of QoS 2 without end are not kept: the link is cut after the first hundred."""

    def flood(sock: socket.socket) -> None:
        for number in range(1, 60_000):
            body = b"\x00\x01x" + number.to_bytes(2, "big") + b"\x00" + bytes(4000)
            sock.sendall(b"\x34" + length(len(body)) + body)

    before = psutil.Process().memory_info().rss
    imposter = Imposter(flood)
    publisher = publish(imposter)
    wait_until(lambda: publisher.state.lost >= 2)
    assert publisher.state.reason == "flood"
    assert "QoS 2" in publisher.state.sentence
    assert psutil.Process().memory_info().rss - before < 30e6
    imposter.close()


@pytest.mark.parametrize("answers", [0, 1])
def test_an_acknowledgement_is_asked_again(
    answers: int, spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A broker that dies right after a PUBACK may have lost the message: it is sent once more."""
    published: list[int] = []

    def acknowledge(sock: socket.socket) -> None:
        for kind, body in packets(sock):
            if kind == PUBLISH:
                if b"box/calls" in body:
                    published.append(len(body))
                puback(sock, body)
            elif kind == UNSUBSCRIBE:
                if not answers:
                    return
                unsuback(sock, body)

    spool.put("calls", b"{}", key="c", line="l")
    imposter = Imposter(acknowledge)
    publisher = publish(imposter)
    if answers:
        wait_until(lambda: spool.depth == 0)
        assert len(published) == 1
    else:
        wait_until(lambda: len(published) >= 3)
        # it hangs up on the question each time: after that it is believed
        wait_until(lambda: spool.depth == 0)
    assert publisher.state.published == 1
    imposter.close()


def test_kills_upon_kills_are_not_trusted(
    spool: Spool, publish: Callable[..., MqttPublisher]
) -> None:
    """A broker that dies on our question four times, then forgets, gets the message once more."""
    connections: list[int] = []

    def forget(sock: socket.socket) -> None:
        connections.append(0)
        for kind, body in packets(sock):
            if kind == PUBLISH:
                connections[-1] += b"box/calls" in body
                puback(sock, body)
            elif kind == UNSUBSCRIBE:
                if len(connections) < 5:
                    return
                unsuback(sock, body)

    for number in range(3):
        spool.put("calls", b"{}", key=f"c{number}", line="l")
    imposter = Imposter(forget)
    publisher = publish(imposter)
    # four hang-ups, and a longer wait after each
    wait_until(lambda: spool.depth == 0, within_s=60)
    assert connections[4] == 3, "all three once more, to the broker that lived on"
    assert publisher.state.published == 3
    imposter.close()


@given(st.lists(st.tuples(st.integers(1, 15), st.integers(0, 1000)), max_size=20), st.integers(0))
def test_framing(packets: list[tuple[int, int]], seed: int) -> None:
    """Packets are followed in whatever pieces they come, and only the one too long is refused."""
    die = random.Random(seed)
    quiet = [(kind << 4 if kind != 3 else 0x32, size) for kind, size in packets]
    stream = b"".join(bytes([first]) + length(size) + die.randbytes(size) for first, size in quiet)
    framing = Framing(1000)
    at = 0
    while at < len(stream):
        size = die.randrange(1, 50)
        framing.take(stream[at : at + size])
        at += size
    with pytest.raises(FloodError, match="1001 bytes"):
        framing.take(b"\x30" + length(1001))
