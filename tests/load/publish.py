"""Publishes simulated calls at a pace until told to stop; writes when each was handed over."""

from __future__ import annotations

import argparse
import logging
import select
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sered.central.simulate import messages, play, truth
from sered.contract import topics
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.delivery.spool_row import Draft
from sered.settings import MqttSettings, SpoolSettings

_STILL_S = 180.0
"""A way to the broker on which nothing moves for so long is stuck."""


_BOXES = 20
"""That have a spool and a publisher of their own."""


@dataclass(frozen=True, slots=True)
class Told:
    """A call as its box tells it."""

    call_id: str
    desk: truth.Desk
    said: list[tuple[str, bytes]]
    """Last level of the topic, and payload; an alert comes first."""


class Way(Protocol):
    """How messages go to the broker."""

    def send(self, call: Told) -> None:
        """All that is said of a call."""

    def settle(self) -> None:
        """Wait until the broker has everything; ends the program where it does not."""


def main() -> None:
    """Prepare, say that it is ready, publish, write lines of call, time and whether it escalates.

    `where` is HOST:PORT.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where")
    parser.add_argument("a_second", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("out", type=Path)
    parser.add_argument("escalating", type=float)
    parser.add_argument("--spools", type=Path, help="folder of boxes' own spools")
    parser.add_argument("--tls", type=Path, help="folder of make-certificates with a client `box`")
    given = parser.parse_args()
    # a broker that is killed all the time is nothing to say at every box
    logging.disable(logging.WARNING)
    count = int(given.a_second * given.seconds)
    ready = _prepared(count, _BOXES if given.spools else 5000, given.escalating)
    print("ready", flush=True)
    way: Way = (
        _Boxes(given.where, given.spools) if given.spools else _Sender(given.where, given.tls)
    )
    told = _publish(way, ready, given.a_second)
    way.settle()
    given.out.write_text("".join(told))
    print(f"published {len(told)}", flush=True)


def _prepared(count: int, boxes: int, escalating: float) -> list[Told]:
    desks = tuple(
        truth.Desk(f"site{n % 800}", f"desk{n}", "line1", str(n), "") for n in range(boxes)
    )
    source = play.calls_now(desks, seed=int(time.time()), escalating=escalating)
    ready = []
    for call in (next(source) for _ in range(count)):
        said = []
        if call.escalate:
            alert = messages.alert(call, "confirmed").model_dump_json(by_alias=True).encode()
            said.append(("alerts", alert))
        said.append(("calls", messages.report(call).model_dump_json(by_alias=True).encode()))
        ready.append(Told(call.call_id, call.desk, said))
    return ready


def _publish(way: Way, ready: list[Told], a_second: float) -> list[str]:
    begin, told = time.time() + 0.2, []
    for number, call in enumerate(ready):
        ahead = begin + number / a_second - time.time()
        if ahead > 0:
            time.sleep(ahead)
        if number % 10 == 0 and _told_to_stop():
            break
        told.append(f"{call.call_id} {time.time():.4f} {int(len(call.said) > 1)}\n")
        way.send(call)
    return told


class _Boxes:
    """What boxes do: to the spool first, and out of it when no kill can lose it any more."""

    def __init__(self, where: str, folder: Path) -> None:
        host, port = where.rsplit(":", 1)
        self._mqtt, self._folder = MqttSettings(host=host, port=int(port)), folder
        folder.mkdir()
        self._boxes: dict[truth.Desk, tuple[Spool, MqttPublisher]] = {}

    def send(self, call: Told) -> None:
        spool, carrier = self._boxes.get(call.desk) or self._begun(call.desk)
        # a disk that is too slow just now keeps it waiting in memory: nobody kills this process
        spool.put_all([Draft(leaf, _key(call, leaf), "line1", body) for leaf, body in call.said])
        carrier.wake()

    def _begun(self, desk: truth.Desk) -> tuple[Spool, MqttPublisher]:
        spool = Spool(SpoolSettings(path=self._folder / f"{desk.device}.db"))
        carrier = MqttPublisher(self._mqtt, desk.site, desk.device, spool, delays_s=(0.05, 1.0))
        carrier.start()
        self._boxes[desk] = spool, carrier
        return spool, carrier

    def settle(self) -> None:
        self._wait()
        for spool, carrier in self._boxes.values():
            carrier.stop(5.0)
            spool.close()

    def _wait(self) -> None:
        least, since = self._depth(), time.monotonic()
        while least:
            time.sleep(0.05)
            if (now := self._depth()) < least:
                least, since = now, time.monotonic()
            if time.monotonic() > since + _STILL_S:
                states = [carrier.state for spool, carrier in self._boxes.values() if spool.depth]
                sys.exit(f"{least} messages stand still in spools: {states}")

    def _depth(self) -> int:
        return sum(spool.depth for spool, _ in self._boxes.values())


def _key(call: Told, leaf: str) -> str:
    return call.call_id if leaf == "calls" else f"{call.call_id}/confirmed"


class _Sender:
    """Sends, and sends again over a new connection what no broker has acknowledged.

    More a second than a box's disk takes. What a killed broker acknowledged and did not save is
    lost here, as with any publisher that believes the acknowledgement; a box does not.
    """

    def __init__(self, where: str, tls: Path | None) -> None:
        self._where, self._tls = urlsplit(f"//{where}"), tls
        self._waiting: deque[tuple[paho.MQTTMessageInfo, str, bytes]] = deque()
        self._client = self._connected()

    def send(self, call: Told) -> None:
        for leaf, body in call.said:
            topic = topics.topic("sered", call.desk.site, call.desk.device, leaf)
            self._waiting.append((self._client.publish(topic, body, 1), topic, body))
        self._look()
        while len(self._waiting) > 2000:
            time.sleep(0.01)
            self._look()

    def settle(self) -> None:
        least, since = len(self._waiting), time.monotonic()
        while self._waiting:
            time.sleep(0.05)
            self._look()
            if len(self._waiting) < least:
                least, since = len(self._waiting), time.monotonic()
            if time.monotonic() > since + _STILL_S:
                sys.exit(f"The broker has not acknowledged {least} messages: {self._client}")
        self._client.disconnect()
        self._client.loop_stop()

    def _look(self) -> None:
        if not self._client.is_connected():
            self._client.loop_stop()
            self._client = self._connected()
            again, self._waiting = self._waiting, deque()
            for _, topic, body in again:
                self._waiting.append((self._client.publish(topic, body, 1), topic, body))
        while self._waiting and self._waiting[0][0].is_published():
            self._waiting.popleft()

    def _connected(self) -> paho.Client:
        end = time.time() + 120
        while True:
            client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
            client.max_inflight_messages_set(2000)
            if self._tls:
                client.tls_set(
                    str(self._tls / "ca.crt"),
                    str(self._tls / "box.crt"),
                    str(self._tls / "box.key"),
                )
            try:
                client.connect(self._where.hostname or "", self._where.port or 1883)
            except OSError:
                if time.time() > end:
                    raise
                time.sleep(0.2)
                continue
            client.loop_start()
            answered = time.time() + 5
            while not client.is_connected() and time.time() < answered:
                time.sleep(0.01)
            if client.is_connected() or time.time() > end:
                return client
            # something between us and the broker took the connection, and no broker is there
            client.loop_stop()


def _told_to_stop() -> bool:
    if not select.select([sys.stdin], [], [], 0)[0]:
        return False
    if not sys.stdin.readline():
        sys.exit("Who started it has gone.")
    return True


if __name__ == "__main__":
    main()
