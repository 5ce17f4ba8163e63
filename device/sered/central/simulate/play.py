"""Simulated boxes on a real broker: calls at any pace, each published when it is over."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sered.central.ingest.session import mqtt_settings
from sered.central.simulate import messages, truth
from sered.contract import topics
from sered.delivery.broker import make_client, unreachable
from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paho.mqtt.client import Client, MQTTMessageInfo

    from sered.central.simulate.truth import Desk, TrueCall
    from sered.central.sources import SourceSettings
    from sered.contract.fields import Payload

_IN_FLIGHT = 2000
_FAULTS = ("no_device", "clipping", "silent_line", "hum")


@dataclass(slots=True)
class Played:
    """What was published, and the truth of it."""

    calls: list[TrueCall] = field(default_factory=list)
    alerts: int = 0
    statuses: int = 0
    seconds: float = 0.0


class Fleet:
    """Boxes that publish; raises BrokerError when there is no broker. `close` when done."""

    def __init__(self, source: SourceSettings, desks: tuple[Desk, ...], name: str = "") -> None:
        self._mqtt, self.desks = mqtt_settings(source), desks
        self._flying: list[MQTTMessageInfo] = []
        self._client = self._connected(name)

    def _connected(self, name: str) -> Client:
        client = make_client(self._mqtt, f"sered-simulated-{name}" if name else "")
        client.max_inflight_messages_set(_IN_FLIGHT)
        client.max_queued_messages_set(0)
        up = threading.Event()
        client.on_connect = lambda *_: up.set()
        try:
            client.connect(self._mqtt.host, self._mqtt.port, 60)
        except (OSError, ValueError) as error:
            raise unreachable(self._mqtt, error) from None
        client.loop_start()
        if not up.wait(5.0):
            client.loop_stop()
            msg = f"The broker {self._mqtt.host}:{self._mqtt.port} does not answer."
            raise BrokerError(msg)
        return client

    def publish(self, desk: Desk, leaf: str, message: Payload) -> None:
        """One message with QoS 1; waits while too many are on their way."""
        body = message.model_dump_json(by_alias=True).encode()
        where = topics.topic(self._mqtt.base, desk.site, desk.device, leaf)
        self.send(where, body, retain=leaf in {"status", "health"})

    def send(self, topic: str, body: bytes, *, retain: bool = False) -> None:
        """The same with bytes of one's own, be they ever so wrong."""
        self._flying.append(self._client.publish(topic, body, 1, retain=retain))
        if len(self._flying) >= _IN_FLIGHT:
            self.settle(_IN_FLIGHT // 2)

    def settle(self, left: int = 0, within_s: float = 30.0) -> None:
        """Wait until the broker has acknowledged all but `left`; raises BrokerError."""
        end = time.monotonic() + within_s
        while len(self._flying) > left:
            if self._flying[0].is_published():
                self._flying.pop(0)
            elif time.monotonic() > end:
                msg = f"The broker has not acknowledged {len(self._flying)} messages."
                raise BrokerError(msg, "lost")
            else:
                time.sleep(0.002)

    def close(self) -> None:
        """Wait for what is on its way, and go."""
        try:
            self.settle()
        finally:
            self._client.disconnect()
            self._client.loop_stop()


def present(fleet: Fleet, played: Played, seed: int = 1, faulty: float = 0.05) -> None:
    """Every box says that it is there, some that something is wrong, and its figures."""
    random = Random(f"faults {seed}")  # noqa: S311 - a simulation has to be repeatable
    for desk in fleet.desks:
        if random.random() < faulty:
            status = messages.status(desk, "degraded", random.choice(_FAULTS))
        else:
            status = messages.status(desk)
        fleet.publish(desk, "status", status)
        fleet.publish(desk, "health", messages.health(desk, datetime.now(UTC)))
        played.statuses += 1
    fleet.settle()


def calls_now(
    desks: tuple[Desk, ...], seed: int = 1, *, escalating: float | None = None
) -> Iterator[TrueCall]:
    """Endless calls that end just now, desk after desk; a share of them unhappy when said."""
    random = Random(f"now {seed}")  # noqa: S311 - a simulation has to be repeatable
    while True:
        for desk in desks:
            now = datetime.now(UTC)
            begin = now - timedelta(hours=1)
            made = next(truth.day(desk, begin, 2, seed=random.randrange(10**9)), None)
            if made is not None:
                yield _ending(made, now, random, escalating)


def play(
    fleet: Fleet,
    a_second: float,
    seconds: float,
    *,
    seed: int = 1,
    escalating: float | None = None,
    going: Callable[[], bool] = lambda: True,
) -> Played:
    """Calls at this pace for so long, with their alerts; what was played, and its truth."""
    played = Played()
    source = calls_now(fleet.desks, seed, escalating=escalating)
    begin = time.monotonic()
    number = 0
    while going() and (passed := time.monotonic() - begin) < seconds:
        if number > passed * a_second:
            time.sleep(min(0.02, number / a_second - passed))
            continue
        call = next(source)
        _publish(fleet, call, played)
        number += 1
    fleet.settle()
    played.seconds = time.monotonic() - begin
    return played


def _publish(fleet: Fleet, call: TrueCall, played: Played) -> None:
    if call.escalate:
        fleet.publish(call.desk, "alerts", messages.alert(call, "confirmed"))
        played.alerts += 1
    fleet.publish(call.desk, "calls", messages.report(call))
    played.calls.append(call)


def _ending(call: TrueCall, now: datetime, random: Random, escalating: float | None) -> TrueCall:
    shift = now - call.ended
    changes: dict[str, object] = {
        name: getattr(call, name) + shift
        for name in ("rang", "answered", "ended", "heard_from", "heard_until")
    }
    if escalating is not None:
        unhappy = random.random() < escalating
        score = round(random.uniform(-0.95, -0.6) if unhappy else random.uniform(-0.3, 0.9), 3)
        causes = tuple(random.sample(truth.CAUSES, 1)) if unhappy else ()
        changes |= {"unhappy": unhappy, "score": score, "causes": causes}
    return truth.changed(call, **changes)
