"""`make cluster-storm`: boxes by TLS at one RabbitMQ node: its memory, its death, and all back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from cluster import left, net
from cluster.machines import Machine, build, certificates, house
from load import page_text
from load.boxes import Fleet, many_files, measured
from load.run import PAGE, RESULTS, stamped

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORT = 8883


@dataclass(frozen=True, slots=True)
class Node:
    """A RabbitMQ that can be killed."""

    machine: Machine

    def kill(self) -> None:
        """As a power cut would."""
        self.machine.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.machine.start()
        self.machine.await_(_PORT)

    def process(self) -> psutil.Process:
        """Erlang's: the largest that the machine started."""
        (started,) = self.machine.running.values()
        family = psutil.Process(started.pid).children(recursive=True)
        return max(family, key=lambda each: each.memory_info().rss)


def main(boxes: int) -> None:
    """As root."""
    if os.geteuid() != 0:
        sys.exit("make cluster-storm makes namespaces and mounts: run it as root.")
    if not net.inside():
        build()
        net.enter([sys.executable, "-m", "cluster.storm", str(boxes)])
    net.reap()
    many_files()
    with left.own_folder("sered-storm", Path(tempfile.gettempdir())) as folder:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        net.bridge(folder)
        made = certificates(folder)
        machine = Machine("rabbit1", house(), made)
        conf = machine.disk / "rabbitmq.conf"
        # the other two are not there, and it would wait for them
        conf.write_text(re.sub(r"(?m)^cluster_formation.*nodes\.[23] .*\n", "", conf.read_text()))
        node = Node(machine)
        node.start()
        tls = ssl.create_default_context(cafile=made / "ca.crt")
        tls.load_cert_chain(made / "box.crt", made / "box.key")
        fleet = Fleet(_PORT, np.zeros(boxes), "rabbit1", tls)
        (row,) = stamped(_storm(fleet, node))
    print(json.dumps(row, indent=1))
    keep(row)


def _storm(fleet: Fleet, node: Node) -> Iterator[dict[str, Any]]:
    found = asdict(asyncio.run(measured(fleet, node, node.process)))
    version = node.machine.version("rabbitmq-server")
    said = {"broker": f"RabbitMQ {version}", "store": f"RabbitMQ, {len(fleet.there):,} boxes"}
    yield found | said


def keep(row: dict[str, Any]) -> None:
    """Put the row beside the others, in place of an older one, and write the page."""
    known = json.loads(RESULTS.read_text())
    others = [one for one in known["boxes"] if one["store"] != row["store"]]
    known["boxes"] = [*others, row]
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    PAGE.write_text(page_text.of(known))


if __name__ == "__main__":
    main(int(sys.argv[1]))
