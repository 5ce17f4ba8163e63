"""Publishes simulated calls at a pace until its input ends; writes when each was handed over."""

from __future__ import annotations

import select
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sered.central.simulate import messages, play, truth
from sered.contract import topics


def main(
    where: str,
    a_second: float,
    seconds: float,
    out: Path,
    escalating: float,
    tls: Path | None = None,
) -> None:
    """Prepare, say that it is ready, publish, write lines of call, time and whether it escalates.

    `where` is HOST:PORT. `tls`: folder of make-certificates with a client `box`.

    A broker that is killed is connected to again: what it had not acknowledged is sent again, as
    boxes do from their spool.
    """
    desks = tuple(
        truth.Desk(f"site{n % 800}", f"desk{n}", "line1", str(n), "") for n in range(5000)
    )
    source = play.calls_now(desks, seed=int(time.time()), escalating=escalating)
    ready = []
    for call in (next(source) for _ in range(int(a_second * seconds))):
        body = messages.report(call).model_dump_json(by_alias=True).encode()
        topic = topics.topic("sered", call.desk.site, call.desk.device, "calls")
        alert = None
        if call.escalate:
            alert = messages.alert(call, "confirmed").model_dump_json(by_alias=True).encode()
        ready.append((call.call_id, topic, body, alert))
    print("ready", flush=True)
    begin, told = time.time() + 0.2, []
    box = _Box(where, tls)
    for number, (call_id, topic, body, alert) in enumerate(ready):
        ahead = begin + number / a_second - time.time()
        if ahead > 0:
            time.sleep(ahead)
        if number % 10 == 0 and _told_to_stop():
            break
        told.append(f"{call_id} {time.time():.4f} {int(alert is not None)}\n")
        if alert is not None:
            box.send(topic.replace("/calls", "/alerts"), alert)
        box.send(topic, body)
    box.settle()
    out.write_text("".join(told))
    print(f"published {len(told)} in {time.time() - begin:.1f} s", flush=True)


class _Box:
    """Sends, and sends again over a new connection what no broker has acknowledged."""

    def __init__(self, where: str, tls: Path | None) -> None:
        self._where, self._tls = urlsplit(f"//{where}"), tls
        self._waiting: deque[tuple[paho.MQTTMessageInfo, str, bytes]] = deque()
        self._client = self._connected()

    def send(self, topic: str, body: bytes) -> None:
        """With QoS 1; waits while two thousand are on their way."""
        self._waiting.append((self._client.publish(topic, body, 1), topic, body))
        self._look()
        while len(self._waiting) > 2000:
            time.sleep(0.01)
            self._look()

    def settle(self) -> None:
        """Wait until everything was acknowledged."""
        end = time.time() + 180
        while self._waiting and time.time() < end:
            time.sleep(0.05)
            self._look()
        if self._waiting:
            sys.exit(f"The broker has not acknowledged {len(self._waiting)} messages.")
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
    # an input that was closed is always readable, and says nothing
    return bool(select.select([sys.stdin], [], [], 0)[0]) and bool(sys.stdin.readline())


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]),
         float(sys.argv[5]), *map(Path, sys.argv[6:]))  # fmt: skip
