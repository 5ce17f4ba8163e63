"""A site with a Mosquitto of its own, bridged to what the recipe built, alone for a day."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker
from cluster.net import HOSTS
from cluster.rogue import until
from project import ROOT
from sered.central.simulate import messages, truth
from system.desk import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from system.machine import Machine

_DESKS = 50
_HEALTH_EVERY_S = 300
_BACK_S = 300.0


def a_site_is_alone_for_a_day(machines: Mapping[str, Machine], work: Path) -> None:
    """Fifty desks' calls and `health` of a day wait at the site, and all are in the store after."""
    site = _site(machines, work)
    day = _day()
    calls = sum(topic.endswith("/calls") for topic, _ in day)
    try:
        first = next(n for n, (topic, _) in enumerate(day, 1) if topic.endswith("/calls"))
        _publish(site, day[:first])
        until(lambda: _stored(machines) >= 1, 60.0, "what comes over the bridge")
        # this site is at the hub: from there no packet goes to the front any more
        _way("add")
        until(lambda: "site-berlin closed" in site.log.read_text(), 60.0, "the cut")
        began = time.monotonic()
        _publish(site, day[first:])
        print(
            f"a day of {_DESKS} desks in {time.monotonic() - began:.0f} s, the way cut", flush=True
        )
        # a site's broker may lose power meanwhile; see below what it has saved by then
        time.sleep(3.0)
        site.restart()
        began = time.monotonic()
        _way("del")
        until(lambda: _stored(machines) == calls, _BACK_S, f"{calls} calls in the store")
        took = time.monotonic() - began
        print(
            f"{len(day)} messages, {calls} calls: all there {took:.0f} s after the cut", flush=True
        )
    finally:
        site.stop()


def _site(machines: Mapping[str, Machine], work: Path) -> Broker:
    """Its certificate and login as the page says, and its Mosquitto, which reaches the front."""
    central, rabbit = machines["central1"], machines["rabbit1"]
    make = "docs/mqtt/make-certificates"
    central.run(f"cd {CHECKOUT}; {make} site berlin; {make} rabbitmq > certificates/boxes.json")
    rules = (central.disk.root / CHECKOUT[1:] / "certificates/boxes.json").read_text()
    rabbit.disk.write("/etc/rabbitmq/boxes.json", rules)
    rabbit.run("rabbitmqctl import_definitions /etc/rabbitmq/boxes.json")
    there = work / "site-tls"
    there.mkdir()
    for name in ("ca.crt", "site-berlin.crt", "site-berlin.key"):
        shutil.copy(central.disk.root / CHECKOUT[1:] / "certificates" / name, there)
        shutil.chown(there / name, "mosquitto")
    there.chmod(0o755)
    recipe = (ROOT / "docs/cluster/bridge.conf").read_text()
    recipe = recipe.replace("/etc/mosquitto/sered", str(there))
    # a day in a minute: saved once a second, for at every change it would take half an hour
    return Broker(work / "site", extra=recipe).start()


def _way(change: str) -> None:
    """Take the way to the front away, or give it back."""
    cut = ["ip", "route", change, "unreachable", f"{HOSTS['front']}/32"]
    subprocess.run(cut, check=True)


def _day() -> list[tuple[str, bytes]]:
    """What the desks say in it, in order: calls, and that they are well."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1, minutes=5)
    said = list[tuple[datetime, str, bytes]]()
    for n in range(_DESKS):
        desk = truth.Desk("berlin", f"alone{n}", "line1", str(3000 + n), "")
        for call in truth.day(desk, begin, 24.0, seed=n, calls_an_hour=1.7):
            body = messages.report(call).model_dump_json(by_alias=True).encode()
            said.append((call.heard_until, f"sered/berlin/{desk.device}/calls", body))
        for second in range(0, 86_400, _HEALTH_EVERY_S):
            at = begin + timedelta(seconds=second + n)
            body = messages.health(desk, at).model_dump_json(by_alias=True).encode()
            said.append((at, f"sered/berlin/{desk.device}/health", body))
    return [(topic, body) for _, topic, body in sorted(said)]


def _publish(site: Broker, said: list[tuple[str, bytes]]) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(100)
    client.connect(site.host, site.port)
    client.loop_start()
    infos = [client.publish(topic, body, qos=1) for topic, body in said]
    for info in infos:
        info.wait_for_publish(120)
    client.disconnect()


def _stored(machines: Mapping[str, Machine]) -> int:
    query = "SELECT count(*) FROM call WHERE device LIKE 'alone%'"
    psql = "runuser -u postgres -- psql -h /run/postgresql -d sered"
    for name in ("pg1", "pg2"):
        ended = machines[name].run(f'{psql} -Atc "{query}"', check=False)
        if ended.status == 0:
            return int(ended.out)
    return -1
