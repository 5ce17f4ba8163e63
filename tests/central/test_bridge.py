"""A site that loses its WAN: its own Mosquitto, bridged as docs/cluster says, keeps it all."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker import Broker, make_certificates, wait_until
from central_boxes import arrived, calls, count
from project import ROOT
from proxy import Proxy
from sered.central.ingest.intake import Intake
from sered.central.simulate import messages
from sered.central.store import tables

if TYPE_CHECKING:
    from pathlib import Path

    from central_stage import Clock
    from sered.central.context import Central
    from sered.delivery.subscription import Received


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_site_without_its_wan_loses_nothing(
    central: Central, clock: Clock, tmp_path: Path
) -> None:
    """What boxes say while the way is cut arrives later, though the site's broker is killed."""
    made = make_certificates(tmp_path, "berlin desk1")
    script = [str(ROOT / "docs/mqtt/make-certificates"), "site", "berlin"]
    subprocess.run(script, cwd=tmp_path, check=True, capture_output=True)
    mine = made / "ca.crt", made / "broker.crt", made / "broker.key"
    rules = (made / "acl").read_text()
    cluster = Broker(tmp_path / "cluster", tls=mine, client_certificates=True, acl=rules).start()
    wan = Proxy(cluster.host, cluster.port)
    recipe = (ROOT / "docs/cluster/bridge.conf").read_text()
    recipe = recipe.replace("front:8883", f"127.0.0.1:{wan.port}")
    recipe = recipe.replace("/etc/mosquitto/sered", str(made))
    recipe = recipe.replace("restart_timeout 2 30", "restart_timeout 1 1")
    site = Broker(tmp_path / "site", extra=f"autosave_on_changes true\n{recipe}").start()
    over = {
        "host": "127.0.0.1", "port": cluster.port, "tls": True, "ca": made / "ca.crt",
        "cert": made / "central.crt", "key": made / "central.key",
    }  # fmt: skip
    source = central.settings.source.model_copy(update=over)
    settings = central.settings.model_copy(update={"source": source})
    intake, stop = Intake(replace(central, settings=settings)), threading.Event()
    thread = threading.Thread(target=intake.run, args=(stop,))
    thread.start()
    try:
        # a broker keeps nothing for a central that it has never met
        wait_until(lambda: intake.health.connected, 60, "central's session at the cluster")
        said = [arrived(messages.report(call)) for call in calls(clock, 90)]
        _publish(site, said[:30])
        wait_until(lambda: count(central, tables.call) == 30, 60, "what came over the bridge")
        wan.close()
        # what Mosquitto 2.0.11 has handed to a bridge that stands is not on its disk yet
        wait_until(lambda: "site-berlin closed" in site.log.read_text(), 60, "the cut")
        _publish(site, said[30:60])
        # Mosquitto saves after it has acknowledged: a box forgets nothing before a later answer
        _publish(site, said[:1])
        site.restart()
        _publish(site, said[60:])
        wan = Proxy(cluster.host, cluster.port, at=wan.port)
        wait_until(lambda: count(central, tables.call) == 90, 30, "what waited at the site")
    finally:
        stop.set()
        thread.join(30)
        site.stop()
        wan.close()
        cluster.stop()


def _publish(site: Broker, said: list[Received]) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(site.host, site.port)
    client.loop_start()
    for info in [client.publish(one.topic, one.body, qos=1) for one in said]:
        info.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
