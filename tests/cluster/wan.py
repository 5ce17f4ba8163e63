"""A site with a Mosquitto of its own, bridged to what the recipe built, alone for a day."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker
from cluster.net import FRONT, until
from cluster.rogue import taught
from project import ROOT
from sered.central.simulate import messages, truth
from system.desk import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from system.machine import Machine

_DESKS = 50
_HEALTH_EVERY_S = 300
_OVER_S = 300.0
_CUT_S = 300.0
"""A bridge asks after `keepalive_interval` of silence, and waits as long again for an answer."""
_BACK_S = 600.0
_HOURS_ALONE = 24.0


def a_site_is_alone_for_a_day(
    machines: Mapping[str, Machine], work: Path, name: str = "berlin"
) -> None:
    """Fifty desks' calls and `health` of a day wait at the site, and all are in the store after."""
    day = _day(name)
    bodies = [json.loads(body) for topic, body in day if topic.endswith("/calls")]
    calls = sorted(one["call_id"] for one in bodies)
    cases = sorted(one["call_id"] for one in bodies if one["sentiment"]["escalate"])
    site = _site(machines, work, name)
    try:
        first = next(n for n, (topic, _) in enumerate(day, 1) if topic.endswith("/calls"))
        _publish(site, day[:first])
        over = until(lambda: _stored(machines, name, "call"), _OVER_S, "what comes over the bridge")
        # this site is at the hub: from there no packet goes to the front any more
        _way("add")
        # so long what it hands on goes into nothing, and is handed on again later
        until(lambda: "Error creating bridge" in site.log.read_text(), _CUT_S, "the cut")
        began = time.monotonic()
        _publish(site, day[first:])
        said = time.monotonic() - began
        # a site's broker may lose power meanwhile; see below what it has saved by then
        time.sleep(3.0)
        site.restart()
        _way("del")
        back = until(
            lambda: len(_stored(machines, name, "call")) >= len(calls), _BACK_S, "all its calls"
        )
        found = _stored(machines, name, "call")
        print(
            f"{name}: the first call over the bridge after {over:.1f} s; then the way cut, and in"
            f" {said:.0f} s what {_DESKS} desks say in a day, {len(day)} messages; all there"
            f" {back:.0f} s after the cut. Calls sent {len(calls)}, stored {len(found)}, lost"
            f" {len(set(calls) - set(found))}, twice {len(found) - len(set(found))}",
            flush=True,
        )
        assert found == calls
        until(lambda: _stored(machines, name, "cases") == cases, _OVER_S, f"{len(cases)} cases")
    finally:
        site.stop()


def _site(machines: Mapping[str, Machine], work: Path, name: str) -> Broker:
    """Its certificate and login as the page says, and its Mosquitto, which reaches the front."""
    central, rabbit = machines["central1"], machines["rabbit1"]
    make = "docs/mqtt/make-certificates"
    central.run(f"cd {CHECKOUT}; {make} site {name}; {make} rabbitmq > certificates/boxes.json")
    rules = (central.disk.root / CHECKOUT[1:] / "certificates/boxes.json").read_text()
    taught(rabbit, "boxes.json", rules)
    there = work / f"{name}-tls"
    there.mkdir()
    for file in ("ca.crt", f"site-{name}.crt", f"site-{name}.key"):
        shutil.copy(central.disk.root / CHECKOUT[1:] / "certificates" / file, there)
    recipe = (ROOT / "docs/cluster/bridge.conf").read_text().replace("berlin", name)
    recipe = recipe.replace("/etc/mosquitto/sered", str(there))
    # a day in a minute: saved once a second, for at every change it would take half an hour
    return Broker(work / name, extra=recipe).start()


def _way(change: str) -> None:
    """Take the way to the front away, or give it back."""
    cut = ["ip", "route", change, "unreachable", f"{FRONT}/32"]
    subprocess.run(cut, check=True)


def _day(site: str) -> list[tuple[str, bytes]]:
    """What the desks say in it, in order: calls, and that they are well."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=_HOURS_ALONE, minutes=5)
    said = list[tuple[datetime, str, bytes]]()
    for n in range(_DESKS):
        desk = truth.Desk(site, f"alone{n}", "line1", str(3000 + n), "")
        for call in truth.day(desk, begin, _HOURS_ALONE, seed=n, calls_an_hour=1.7):
            body = messages.report(call).model_dump_json(by_alias=True).encode()
            said.append((call.heard_until, f"sered/{site}/{desk.device}/calls", body))
        for second in range(0, 86_400, _HEALTH_EVERY_S):
            at = begin + timedelta(seconds=second + n)
            body = messages.health(desk, at).model_dump_json(by_alias=True).encode()
            said.append((at, f"sered/{site}/{desk.device}/health", body))
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
    client.loop_stop()


def _stored(machines: Mapping[str, Machine], site: str, table: str) -> list[str]:
    """The calls of its desks that are there, or that are cases."""
    query = (
        f"SELECT call_id FROM {table} AS one JOIN call USING (call_id)"
        f" WHERE call.site = '{site}' AND call.device LIKE 'alone%' ORDER BY 1"
    )
    psql = "runuser -u postgres -- psql -h /run/postgresql -d sered"
    for name in ("pg1", "pg2"):
        ended = machines[name].run(f'{psql} -Atc "{query}"', check=False)
        if ended.status == 0:
            return ended.out.split()
    return []
