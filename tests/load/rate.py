"""Broker to COMMIT at a steady pace: lost, twice, latency, and what central needs for it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import psutil
from sqlalchemy import func, select

from sered.central.store import tables
from sered.central.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path

    from load.stage import Stage


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run showed."""

    store: str
    a_second: float
    seconds: float
    sent: int
    lost: int
    twice: int
    cases_wanted: int
    cases: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    idle_mb: float
    busy_mb: float
    central_cores: float
    drained_s: float
    """After the last was published."""


class Publisher:
    """`publish.py` as a process of its own."""

    def __init__(
        self,
        where: str,
        times: Path,
        a_second: float,
        seconds: float,
        escalating: float,
        tls: Path | None = None,
        spools: Path | None = None,
    ) -> None:
        self._times = times
        arguments: list[object] = [where, a_second, seconds, times, escalating]
        arguments += [*(["--spools", spools] if spools else []), *(["--tls", tls] if tls else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "load.publish", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        assert self._process.stdout.readline().startswith("ready")

    def end(self) -> None:
        """Stop it, and wait until the broker has everything."""
        assert self._process.stdin
        self._process.stdin.write("stop\n")
        self._process.stdin.flush()
        self.wait()

    def wait(self) -> None:
        """Wait until it has published everything."""
        assert self._process.stdout
        # its input stays open: closed, it would say that nobody waits any more
        said = self._process.stdout.read()
        assert self._process.wait() == 0, said

    def sent(self) -> dict[str, tuple[float, bool]]:
        """Of each call when it was handed to the network, and whether it escalates."""
        lines = (line.split() for line in self._times.read_text().splitlines())
        return {call: (float(at), flag == "1") for call, at, flag in lines}


def publisher(
    stage: Stage, a_second: float, seconds: float, escalating: float, *, spooled: bool = False
) -> Publisher:
    """One that has begun; `spooled`: it carries its calls as a box does."""
    where, times = f"127.0.0.1:{stage.broker.port}", stage.folder / "times"
    spools = stage.folder / "spools" if spooled else None
    return Publisher(where, times, a_second, seconds, escalating, spools=spools)


class Watcher(threading.Thread):
    """Sees calls appear in the store, ten times a second."""

    def __init__(self, store: Store, central: psutil.Process) -> None:
        super().__init__()
        self._store, self._central = store, central
        self.seen: dict[str, float] = {}
        self.peak_mb = 0.0
        self._done = threading.Event()

    def run(self) -> None:
        """Until `end`."""
        since = datetime.now(UTC) - timedelta(minutes=5)
        while not self._done.wait(0.1):
            query = select(tables.call.c.call_id, tables.call.c.received_at).where(
                tables.call.c.received_at >= since - timedelta(seconds=3)
            )
            with self._store.reading() as connection:
                rows = connection.execute(query).all()
            now = time.time()
            for call_id, received in rows:
                self.seen.setdefault(call_id, now)
                since = max(since, received)
            self.peak_mb = max(self.peak_mb, self._central.memory_info().rss / 2**20)

    def end(self) -> None:
        """Stop looking."""
        self._done.set()
        self.join()


def measure(stage: Stage, a_second: float, seconds: float, escalating: float = 0.05) -> Rate:
    """One run on the stage's store; central runs on it already, and it is empty."""
    store = Store(stage.url)
    central = psutil.Process(stage.central.pid)
    idle = central.memory_info().rss / 2**20
    source = publisher(stage, a_second, seconds, escalating)
    watcher, before = Watcher(store, central), central.cpu_times()
    watcher.start()
    source.wait()
    sent, ended = source.sent(), time.time()
    while len(watcher.seen) < len(sent) and time.time() < ended + 60:
        time.sleep(0.1)
    drained, after = time.time() - ended, central.cpu_times()
    watcher.end()
    with store.reading() as connection:
        rows = connection.scalar(select(func.count()).select_from(tables.call)) or 0
        cases = connection.scalar(select(func.count()).select_from(tables.cases)) or 0
    store.close()
    seen = watcher.seen
    late = np.array([seen[key] - at for key, (at, _) in sent.items() if key in seen]) * 1000
    cpu_s = after.user + after.system - before.user - before.system
    return Rate(
        store=stage.kind, a_second=a_second, seconds=seconds, sent=len(sent),
        lost=len(set(sent) - set(seen)), twice=rows - len(seen),
        cases_wanted=sum(flag for _, flag in sent.values()), cases=cases,
        p50_ms=float(np.percentile(late, 50)), p99_ms=float(np.percentile(late, 99)),
        worst_ms=float(late.max()), idle_mb=idle, busy_mb=watcher.peak_mb,
        central_cores=cpu_s / (seconds + drained), drained_s=drained,
    )  # fmt: skip
