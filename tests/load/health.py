"""`health` as a hundred thousand boxes say it, 1,667 a second: how seldom central writes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select, text

from sered.central.simulate import messages, truth
from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from load.stage import Stage

_EVERY_S = 6.0
"""So often a box says it here: a tenth of the boxes, each ten times as often."""
_MOST_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Healths:
    """What one run showed."""

    store: str
    a_second: float
    seconds: float
    boxes: int
    sent: int
    known: int
    """Boxes that are in the store."""
    writes: int
    """Of their rows, as PostgreSQL counts them."""
    central_cores: float
    behind_s: float
    """After the last was acknowledged until the last box was written and central rested."""


def measure(stage: Stage, a_second: float, seconds: float) -> Healths:
    """One run on a PostgreSQL that is empty; within five minutes a box is written once."""
    boxes = int(a_second * _EVERY_S)
    desks = [truth.Desk(f"site{n % 800}", f"desk{n}", "line1", "", "") for n in range(boxes)]
    store, central = Store(stage.url), psutil.Process(stage.central.pid)
    before = central.cpu_times()
    sent, took = _published(stage, desks, a_second, seconds)
    behind = _rested(store, central, boxes)
    after = central.cpu_times()
    known, writes = _known(store), _writes(store)
    store.close()
    cpu_s = after.user + after.system - before.user - before.system
    return Healths(
        store=stage.kind, a_second=sent / took, seconds=took, boxes=boxes, sent=sent, known=known,
        writes=writes, central_cores=cpu_s / (took + behind), behind_s=behind,
    )  # fmt: skip


def _published(
    stage: Stage, desks: list[truth.Desk], a_second: float, seconds: float
) -> tuple[int, float]:
    """Each box in its turn; how many, and in how many seconds the broker had them."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(_MOST_AHEAD)
    client.connect(stage.broker.host, stage.broker.port)
    client.loop_start()
    begin, infos, count = time.monotonic(), list[paho.MQTTMessageInfo](), int(a_second * seconds)
    for number in range(count):
        ahead = begin + number / a_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        desk = desks[number % len(desks)]
        said = messages.health(desk, datetime.now(UTC)).model_dump_json(by_alias=True)
        topic = f"sered/{desk.site}/{desk.device}/health"
        infos.append(client.publish(topic, said, qos=1, retain=True))
        if len(infos) > _MOST_AHEAD:
            infos[-_MOST_AHEAD].wait_for_publish(60)
    for info in infos[-_MOST_AHEAD:]:
        info.wait_for_publish(60)
    took = time.monotonic() - begin
    client.disconnect()
    client.loop_stop()
    return count, took


def _rested(store: Store, central: psutil.Process, boxes: int) -> float:
    """Wait until every box is there and central does nothing more; seconds."""
    began = time.monotonic()
    while time.monotonic() - began < 120.0:
        busy = central.cpu_percent(interval=0.5)
        if _known(store) == boxes and busy < 10.0:
            break
    return time.monotonic() - began


def _known(store: Store) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(tables.device)) or 0


def _writes(store: Store) -> int:
    # each session tells what it did within a second
    time.sleep(2.0)
    query = "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'device'"
    with store.reading() as connection:
        return int(connection.scalar(text(query)) or 0)
