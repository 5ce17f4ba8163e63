"""What a subscriber saw against what was promised, and the boxes that promise it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker import Broker, Listener, make_certificates, wait_until
from chaos import box
from project import ROOT
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path

    from sered.delivery.spool import Spool


@dataclass
class Row:
    """One line of the table."""

    fault: str
    tried: str
    verdicts: int
    lost: int
    notes: str = ""
    missed: bool = False
    """Whether something else than verdicts fell short; the notes say what."""


class Tally:
    """What a subscriber saw, by call_id."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._looked_at = 0
        self._calls = 0
        self._seen: dict[str, bytes] = {}
        self._orders: dict[str, list[str]] = {line: [] for line in box.LINES}

    def seen(self) -> dict[str, bytes]:
        """Payload by call_id; fails if one call came with two contents."""
        # only what is new: the subscriber works in a thread of this very process
        new = self._listener.messages[self._looked_at :]
        self._looked_at += len(new)
        for topic, payload, _ in new:
            if not topic.endswith("/calls"):
                continue
            self._calls += 1
            call = json.loads(payload)
            if call["call_id"] not in self._seen:
                self._orders.setdefault(call["line"], []).append(call["call_id"])
            first = self._seen.setdefault(call["call_id"], payload)
            assert first == payload, f"{call['call_id']}: two contents"
        return self._seen

    def wait(self, expected: set[int], quiet_s: float = 60.0) -> tuple[int, int]:
        """check() as soon as nothing is missing, or nothing came for so long.

        A subscriber that is behind has lost nothing.
        """
        came, since = -1, time.monotonic()
        while self.check(expected)[0] and time.monotonic() - since < quiet_s:
            if self._calls != came:
                came, since = self._calls, time.monotonic()
            time.sleep(0.1)
        return self.check(expected)

    def check(self, expected: set[int]) -> tuple[int, int]:
        """(missing, duplicates); fails where a line's verdicts first came out of order."""
        seen = self.seen()
        for line in box.LINES:
            order = self._orders[line]
            assert order == sorted(order), f"{line}: out of order"
        missing = {f"call-{n:07d}" for n in expected} - set(seen)
        return len(missing), self._calls - len(seen)


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


def shipped(folder: Path) -> tuple[Broker, Listener, dict[str, object]]:
    """The broker as we hand it out, a slow subscriber, and what a box needs to speak to it."""
    made = make_certificates(folder, f"{box.SITE} {box.DEVICE}")
    broker = Broker(folder / "broker", shipped=made).start()
    central = (made / "ca.crt", made / "central.crt", made / "central.key")
    listener = Listener(broker, "sered/#", certificates=central, pause_s=0.002)
    own = made / f"{box.SITE}.{box.DEVICE}.crt"
    secure = {"tls": True, "ca": made / "ca.crt", "cert": own, "key": own.with_suffix(".key")}
    return broker, listener, secure


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
