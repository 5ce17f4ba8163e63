"""Ten thousand boxes' connections at one broker, and what happens when it is killed.

Each is a socket that speaks MQTT 3.1.1 as far as a box needs it: CONNECT with a last will, its
retained `status` with QoS 1, and after a lost connection sered's own waits.
"""

from __future__ import annotations

import asyncio
import resource
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import psutil

from broker import Broker
from sered.delivery.backoff import Backoff

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

_STATUS = b'{"schema": "sered.status/1", "state": "online"}'
_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Storm:
    """What one run showed."""

    boxes: int
    first_s: float
    """Until all were there, begun at once."""
    broker_kb: float
    """Memory of the broker a box."""
    down_s: float
    """How long the broker was away."""
    back_p50_s: float
    back_p99_s: float
    back_all_s: float
    """Since the broker was there again: half of the boxes, 99 of 100, all."""
    broker_cores: float
    """While they came back."""


@dataclass
class Fleet:
    """So many boxes; `there` is when each had its status acknowledged, 0: it is away."""

    port: int
    there: npt.NDArray[np.float64]
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def live(self, number: int) -> None:
        """One box, for ever."""
        backoff = Backoff()
        while True:
            began = time.monotonic()
            try:
                await self._stay(number)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                lived = time.monotonic() - began if self.there[number] else 0.0
                progress = bool(self.there[number])
                self.there[number] = 0.0
                backoff.ended(lived, progress=progress, hung_up=False)
                await asyncio.sleep(backoff.delay_s())

    async def _stay(self, number: int) -> None:
        opening = asyncio.open_connection(self.host, self.port, ssl=self.tls)
        reader, writer = await asyncio.wait_for(opening, _ANSWER_S)
        try:
            topic = f"sered/site{number % 500}/desk{number}/status"
            writer.write(_connect(f"box{number}", topic) + _publish(topic))
            await asyncio.wait_for(reader.readexactly(8), _ANSWER_S)
            self.there[number] = time.monotonic()
            await reader.readexactly(1)
        finally:
            writer.close()

    async def all_there(self, since: float, within_s: float) -> npt.NDArray[np.float64]:
        """Seconds after `since` at which each was there."""
        end = time.monotonic() + within_s
        while not (self.there > since).all():
            missing = int((self.there <= since).sum())
            assert time.monotonic() < end, f"{missing} boxes did not come"
            await asyncio.sleep(0.1)
        return self.there - since


class Killable(Protocol):
    """A broker whose process is known."""

    def kill(self) -> None:
        """As a power cut would."""

    def start(self) -> object:
        """Start it and wait until it answers."""


def measure(folder: Path, boxes: int) -> Storm:
    """All at once, then the broker killed for ten seconds."""
    many_files()
    broker = Broker(folder / "broker", extra="autosave_on_changes false\nlog_type error").start()
    try:
        fleet = Fleet(broker.port, np.zeros(boxes))
        return asyncio.run(measured(fleet, broker, lambda: _process(broker)))
    finally:
        broker.stop()


def many_files() -> None:
    """As many sockets as the machine lets us have."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


async def measured(fleet: Fleet, broker: Killable, process: Callable[[], psutil.Process]) -> Storm:
    """The same for any broker that runs."""
    boxes = len(fleet.there)
    empty = process().memory_info().rss
    began = time.monotonic()
    fleet.tasks = [asyncio.create_task(fleet.live(number)) for number in range(boxes)]
    first = await fleet.all_there(began, 300)
    full = process().memory_info().rss
    await asyncio.to_thread(broker.kill)
    down = time.monotonic()
    await asyncio.sleep(10)
    await asyncio.to_thread(broker.start)
    up = time.monotonic()
    before = process().cpu_times()
    back = await fleet.all_there(up, 300)
    cpu = process().cpu_times()
    for task in fleet.tasks:
        task.cancel()
    await asyncio.gather(*fleet.tasks, return_exceptions=True)
    spent = cpu.user + cpu.system - before.user - before.system
    return Storm(
        boxes, float(first.max()), (full - empty) / boxes / 1024, up - down,
        float(np.percentile(back, 50)), float(np.percentile(back, 99)), float(back.max()),
        spent / float(back.max()),
    )  # fmt: skip


def _process(broker: Broker) -> psutil.Process:
    return next(
        psutil.Process(connection.pid)
        for connection in psutil.net_connections("tcp4")
        if connection.status == "LISTEN" and connection.laddr.port == broker.port
    )


def _words(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("!H", len(raw)) + raw


def _packet(first: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (128 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body


def _connect(client: str, topic: str) -> bytes:
    # protocol level 4; clean session, will with QoS 1, retained; keep-alive
    head = _words("MQTT") + bytes([4, 0x2E]) + struct.pack("!H", 600)
    return _packet(0x10, head + _words(client) + _words(topic) + _words('{"state": "offline"}'))


def _publish(topic: str) -> bytes:
    return _packet(0x33, _words(topic) + struct.pack("!H", 1) + _STATUS)
