"""What a subscriber saw against what was promised, and the boxes that promise it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker import wait_until
from chaos import box
from project import ROOT
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path

    from broker import Broker, Listener
    from sered.delivery.spool import Spool


@dataclass
class Row:
    """One line of the table."""

    fault: str
    tried: str
    verdicts: int
    lost: int
    notes: str = ""


class Tally:
    """What a subscriber saw, by call_id."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def seen(self) -> dict[str, bytes]:
        """Payload by call_id; fails if one call came with two contents."""
        found: dict[str, bytes] = {}
        for payload in self._listener.on("calls"):
            call_id = json.loads(payload)["call_id"]
            assert found.setdefault(call_id, payload) == payload, f"{call_id}: two contents"
        return found

    def wait(self, expected: set[int], within_s: float = 30.0) -> tuple[int, int]:
        """check() as soon as nothing is missing, or when time is up."""
        end = time.monotonic() + within_s
        while self.check(expected)[0] and time.monotonic() < end:
            time.sleep(0.1)
        return self.check(expected)

    def check(self, expected: set[int]) -> tuple[int, int]:
        """(missing, duplicates); fails where a line's verdicts first came out of order."""
        seen = self.seen()
        for line in box.LINES:
            order = [k for k, v in seen.items() if json.loads(v)["line"] == line]
            assert order == sorted(order), f"{line}: out of order"
        missing = {f"call-{n:07d}" for n in expected} - set(seen)
        return len(missing), len(self._listener.on("calls")) - len(seen)


def start_box(
    spool: Path, port: int, first: int, count: int, *more: str
) -> subprocess.Popen[bytes]:
    """A box in a process of its own; its standard output tells what is in its spool."""
    command = [sys.executable, "-m", "tests.chaos.box", str(spool), str(port)]
    return subprocess.Popen(
        [*command, str(first), str(count), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def publisher(broker: Broker, spool: Spool, **more: object) -> MqttPublisher:
    mqtt = MqttSettings(**{"host": broker.host, "port": broker.port, **more})
    publisher = MqttPublisher(mqtt, box.SITE, box.DEVICE, spool, delays_s=box.DELAYS_S)
    publisher.start()
    return publisher


def through(
    spool: Spool, publisher: MqttPublisher, listener: Listener, count: int
) -> tuple[int, int]:
    """Put `count` calls while the publisher works; (missing, came twice)."""
    for number in range(count):
        box.put(spool, number)
        publisher.wake()
    wait_until(lambda: not spool.depth, 900)
    publisher.stop(5)
    spool.close()
    tally = Tally(listener)
    found = tally.wait(set(range(count)))
    listener.close()
    return found
