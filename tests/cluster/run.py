"""`make cluster`: the whole of docs/cluster on namespaces, killed part by part and in pairs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

from broker import Authority
from cluster import left, net, page
from cluster.blows import events
from cluster.central import PARTS, CentralHost
from cluster.machines import WORD, Machine, build, certificates, house
from cluster.net import ETCD, FRONTS, HOSTS, HUB, until
from load.answer import Sink
from load.rate import Publisher

_LATE_S = 30.0
_STORE = f"host=front user=sered password={WORD} dbname=sered connect_timeout=2"
_PORTS = {"rabbit": 8883, "pg": 8008, "etcd": 2379, "front": 8883}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done to the cluster, and how long nothing was stored because of it."""

    what: str
    stall_s: float
    began: float
    ended: float
    """Seconds since the epoch: a step that fired between them is late because of it."""


class Watch(threading.Thread):
    """Looks four times a second how many calls are stored; knows the longest pause."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stored = 0
        self.since = time.monotonic()
        self.longest = 0.0

    def run(self) -> None:
        """For ever, over every connection that is lost."""
        while True:
            with suppress(psycopg.Error), psycopg.connect(_STORE, autocommit=True) as connection:
                while True:
                    found = connection.execute("SELECT count(*) FROM call").fetchone()
                    self._seen(int(found[0]) if found else 0)
                    time.sleep(0.25)
            time.sleep(0.25)

    def _seen(self, stored: int) -> None:
        now = time.monotonic()
        if stored > self.stored:
            self.longest = max(self.longest, now - self.since)
            self.stored, self.since = stored, now

    def anew(self) -> None:
        """Forget the longest pause."""
        self.longest = 0.0

    def flows(self, within_s: float) -> None:
        """Wait until calls have come for five seconds without a pause of two."""
        end = time.monotonic() + within_s
        steady = time.monotonic()
        while time.monotonic() - steady < 5.0:
            assert time.monotonic() < end, f"nothing is stored any more ({self.stored} were)"
            if time.monotonic() - self.since > 2.0:
                steady = time.monotonic()
            time.sleep(0.1)


class Cluster:
    """Twelve hosts, and what can be done to them."""

    def __init__(self, folder: Path) -> None:
        root = house()
        names = [name for name in HOSTS if not name.startswith("central")]
        tls = certificates(folder)
        self.machines = {name: Machine(name, root, tls) for name in names}
        both = ("central1", "central2")
        self.central = [CentralHost(name, folder / name, tls) for name in both]
        self.watch = Watch()

    def start(self) -> None:
        """Everything, in the order of the recipe."""
        for name in (*ETCD, "rabbit1", "rabbit2", "rabbit3"):
            self.machines[name].start()
        for name in ETCD:
            self.machines[name].await_(2379)
        self.machines["pg1"].start()
        self.machines["pg1"].await_(5432)
        self.machines["pg2"].start()
        for name in FRONTS:
            self.machines[name].start()
        until(lambda: self.primary() is not None, 400, "a primary")
        _database(self.machines[self.primary() or ""])
        until(self._synchronous, 400, "a synchronous replica")
        for name in ("rabbit1", "rabbit2", "rabbit3"):
            self.machines[name].await_(8883)
        self.central[0].init()
        for part in PARTS:
            for one in self.central:
                one.start(part)
        until(self._consumed, 400, "two consumers")
        self.watch.start()

    def primary(self) -> str | None:
        """Name of the server that takes writes."""
        for name in ("pg1", "pg2"):
            words = f"host={name} user=postgres password={WORD} dbname=postgres connect_timeout=2"
            with suppress(psycopg.Error), psycopg.connect(words) as connection:
                found = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                if found and not found[0]:
                    return name
        return None

    def _synchronous(self) -> bool:
        words = f"host=front user=postgres password={WORD} dbname=postgres connect_timeout=2"
        with suppress(psycopg.Error), psycopg.connect(words) as connection:
            query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            found = connection.execute(query).fetchone()
            return bool(found and found[0])
        return False

    def _consumed(self) -> bool:
        log = "".join(one.words() for one in self.central)
        assert "Traceback" not in log, log
        return sum(_connected(one) for one in self.central) == len(self.central)

    def whole(self) -> None:
        """Start what does not run, and wait until all is as it was."""
        for machine in self.machines.values():
            # as systemd would: all at once, none waits for another
            machine.start()
        for machine in self.machines.values():
            machine.await_(_PORTS[machine.kind])
        for one in self.central:
            for part in PARTS:
                one.start(part)
        try:
            until(lambda: self.primary() is not None, 400, "a primary")
        except AssertionError:
            print(self.machines["pg1"].words(), self.machines["pg2"].words(), flush=True)
            raise
        self.watch.flows(400)
        until(self._synchronous, 400, "a synchronous replica")


def _connected(one: CentralHost) -> bool:
    return "intake.begins" in (one.folder / "ingest.log").read_text()


def _database(primary: Machine) -> None:
    words = f"host={primary.name} user=postgres password={WORD} dbname=postgres"
    with psycopg.connect(words, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE sered LOGIN PASSWORD '{WORD}'")
        connection.execute("CREATE DATABASE sered OWNER sered")


def _sink(folder: Path) -> Sink:
    authority = Authority(folder / "ca")
    certificate, key = authority.issue("hub")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # central sends nothing in clear over a network
    os.environ["SSL_CERT_FILE"] = str(authority.certificate)
    sink = Sink(HUB, 8999)
    sink.socket = context.wrap_socket(sink.socket, server_side=True)
    return sink


def play(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start it, publish, do it all, and count."""
    sink = _sink(folder)
    cluster = Cluster(folder)
    began = time.monotonic()
    cluster.start()
    print(f"the cluster stands after {time.monotonic() - began:.0f} s", flush=True)
    seconds = 60.0 * options.minutes + 120.0
    source = Publisher(
        "front:8883", folder / "times", options.a_second, seconds, 0.1, folder / "certificates"
    )
    cluster.watch.flows(400)
    done, left = list[Event](), list[str]()
    for what in chosen(options, list(plan := events(cluster))):
        if time.monotonic() - began > options.minutes * 60:
            left.append(what)
            continue
        cluster.watch.anew()
        at = time.time()
        for act in plan[what]:
            act()
        cluster.whole()
        done.append(Event(what, cluster.watch.longest, at, time.time()))
        print(json.dumps(asdict(done[-1])), flush=True)
    source.end()
    return _counted(cluster, sink, source.sent(), done) | {"left_out": left}


def chosen(options: argparse.Namespace, names: list[str]) -> list[str]:
    """What is done in this run."""
    words = options.only or [""]
    return [name for name in names if any(word in name for word in words)]


def _counted(
    cluster: Cluster, sink: Sink, sent: dict[str, tuple[float, bool]], done: list[Event]
) -> dict[str, Any]:
    end = time.monotonic() + 90
    while cluster.watch.stored < len(sent) and time.monotonic() < end:
        time.sleep(0.5)
    # the second step of the last case
    time.sleep(25)
    with psycopg.connect(_STORE) as connection:
        rows = [str(row[0]) for row in connection.execute("SELECT call_id FROM call")]
        cases = [str(row[0]) for row in connection.execute("SELECT call_id FROM cases")]
        query = "SELECT extract(epoch FROM at), extract(epoch FROM at - due) FROM step_fired"
        steps = [(float(at), float(after)) for at, after in connection.execute(query)]
        query = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL"
        open_ = connection.execute(query).fetchone()
        keys = {str(row[0]) for row in connection.execute("SELECT dedupe FROM outbox")}
        version = connection.execute("SHOW server_version").fetchone()
        asides = connection.execute("SELECT reason, n FROM set_aside").fetchall()
    told = Counter(key for _, key, _ in sink.got)
    wanted = {key for key, (_, escalates) in sent.items() if escalates}
    print(json.dumps({"set aside": dict(asides), "lost": missing(sent, rows, done)}), flush=True)
    return {
        "sent": len(sent), "stored": len(rows), "lost": len(set(sent) - set(rows)),
        "twice": len(rows) - len(set(rows)), "cases_wanted": len(wanted), "cases": len(cases),
        "cases_twice": len(cases) - len(set(cases)), "steps": len(steps),
        "steps_late": sum(after > _LATE_S for _, after in steps),
        "latest_s": max((after for _, after in steps), default=0.0),
        "notifications": len(keys), "untold": len(keys - set(told)),
        "told_again": sum(n > 1 for n in told.values()), "waiting": open_[0] if open_ else -1,
        "longest_stall_s": max(one.stall_s for one in done),
        "postgresql": version[0] if version else "",
        "events": [asdict(one) | _late(one, steps) for one in done],
    }  # fmt: skip


def missing(
    sent: dict[str, tuple[float, bool]], rows: list[str], done: list[Event]
) -> dict[str, int]:
    """How many of those that were published while something was done are not in the store."""
    there = set(rows)
    lost = [at for key, (at, _) in sent.items() if key not in there]
    said = {one.what: sum(one.began <= at <= one.ended for at in lost) for one in done}
    return {what: n for what, n in said.items() if n} | {"all": len(lost)}


def _late(event: Event, steps: list[tuple[float, float]]) -> dict[str, float]:
    """What fired while the event lasted: how many steps late, and the latest."""
    mine = [after for at, after in steps if event.began <= at <= event.ended]
    return {
        "steps": len(mine), "steps_late": sum(after > _LATE_S for after in mine),
        "latest_s": max(mine, default=0.0),
    }  # fmt: skip


def main() -> None:
    """As root; ends with 1 where something was lost, twice, or never told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--a-second", type=float, default=10.0)
    parser.add_argument("--only", action="append", help="only what has this word")
    parser.add_argument("--minutes", type=float, default=30.0, help="begin nothing after so many")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make cluster makes namespaces and mounts: run it as root.")
    if not net.inside():
        build()
        net.enter([sys.executable, "-m", "cluster.run", *sys.argv[1:]])
    net.reap()
    before = os.getloadavg()[0]
    with left.own_folder("sered-cluster", Path(tempfile.gettempdir())) as folder:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        net.bridge(folder)
        found = play(options, folder)
    print(json.dumps({k: v for k, v in found.items() if k != "events"}, indent=1))
    if not options.only:
        found |= {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"), "load_before": round(before, 1),
            "machine": f"{psutil.cpu_count()} cores, {platform.machine()}",
            "a_second": options.a_second,
        }  # fmt: skip
        page.write(found)
    bad = [word for word in ("lost", "twice", "cases_twice", "untold", "waiting") if found[word]]
    if bad or found["cases"] != found["cases_wanted"]:
        sys.exit(f"Not as it should be: {', '.join(bad) or 'cases'}.")


if __name__ == "__main__":
    main()
