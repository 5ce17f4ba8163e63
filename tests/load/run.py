"""`make load-central`: measures what central reaches and writes docs/central-performance.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from central_stage import Postgres
from load import answer, board, boxes, health, kills, outages, page_text, rate, watch, years
from load.stage import Stage
from project import ROOT
from sered.central.simulate import exchange, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = ROOT / "docs" / "performance" / "central.json"
PAGE = ROOT / "docs" / "central-performance.md"
KINDS = ("sqlite", "postgresql")
_AS_SHIPPED = "autosave_on_changes true\nmax_inflight_messages 20\nmax_queued_messages 100000"
"""docs/mqtt/mosquitto.conf has no more in flight than Mosquitto's default."""
_FEW_BOXES = "[limits]\ncalls_an_hour = 100000\n[cases]\nstorm_after = 100000\n"
"""Twenty boxes say what a thousand would: each of their cases is told apart."""


@contextlib.contextmanager
def stage(
    kind: str,
    *,
    web: bool = False,
    channels: str = "",
    saves: str = "autosave_on_changes true",
    disk: Path | None = None,
    mortal: bool = False,
) -> Iterator[Stage]:
    """A stage in a folder that is gone afterwards; PostgreSQL with fsync, as a site has it."""
    with tempfile.TemporaryDirectory(prefix="sered-load-") as name, contextlib.ExitStack() as stack:
        folder, server = Path(name), None
        folder.chmod(0o755)
        if kind == "postgresql":
            data = folder / "pg"
            data.mkdir()
            if os.geteuid() == 0:
                shutil.chown(data, "postgres", "postgres")
            server = Postgres(data, fsync=True)
            stack.callback(server.stop, "immediate")
        made = Stage(
            folder, kind, board=web, channels=channels, postgres=server, saves=saves, disk=disk,
            mortal=mortal,
        )  # fmt: skip
        stack.callback(made.close)
        yield made


def rates(options: argparse.Namespace) -> Iterator[Any]:
    """500 calls a second for a minute."""
    for kind in options.stores:
        # a broker that saves at every change takes no 500 a second: see the page
        with stage(kind, saves="autosave_interval 60") as one:
            yield rate.measure(one, options.a_second, options.seconds)


def healths(options: argparse.Namespace) -> Iterator[Any]:
    """`health` of 100,000 boxes once a minute, for a minute and a half."""
    if "postgresql" in options.stores:
        with stage("postgresql", saves="autosave_interval 60") as one:
            yield health.measure(one, 100_000 / 60, 1.5 * options.seconds)


def answers(options: argparse.Namespace) -> Iterator[Any]:
    """From an alert to a case and its notification."""
    for kind in options.stores:
        sink = answer.Sink()
        with stage(kind, channels=sink.toml()) as one:
            yield answer.measure(one, sink)
        sink.shutdown()


def watchings(options: argparse.Namespace) -> Iterator[Any]:
    """Fifty who watch, some of them in Chromium."""
    for kind in options.stores:
        with stage(kind, web=True) as one:
            yield watch.measure(one)


def killings(options: argparse.Namespace) -> Iterator[Any]:
    """So many kills on each database, under the broker's configuration that we hand out."""
    for kind in options.stores:
        sink = answer.Sink()
        words = sink.toml() + _FEW_BOXES
        with stage(kind, channels=words, saves=_AS_SHIPPED, mortal=True) as one:
            yield kills.measure(one, sink, options.kills)
        sink.shutdown()


def boards(options: argparse.Namespace) -> Iterator[Any]:
    """The full board, then eight people on it."""
    for kind in options.stores:
        with stage(kind, web=True) as one:
            yield board.page(one, options.calls, 10_000)
            yield board.claims(one)


def out(options: argparse.Namespace) -> Iterator[Any]:
    """A disk that is full for half a minute, and a database that is away for ten minutes."""
    if "sqlite" in options.stores and os.geteuid() == 0:
        with tempfile.TemporaryDirectory(prefix="sered-disk-") as name:
            mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", name]
            subprocess.run(mount, check=True)
            try:
                with stage("sqlite", web=True, disk=Path(name)) as one:
                    yield outages.full_disk(one, Path(name), 30.0)
            finally:
                subprocess.run(["umount", "-l", name], check=True)
    elif "sqlite" in options.stores:
        print("outages: only root can make a small file system, so no disk is filled")
    if "postgresql" in options.stores:
        with stage("postgresql", web=True) as one:
            yield outages.away(one, options.away)


def fleets(options: argparse.Namespace) -> Iterator[Any]:
    """Ten thousand connections, and the storm after a broker's death."""
    with tempfile.TemporaryDirectory(prefix="sered-boxes-") as name:
        yield boxes.measure(Path(name), options.boxes)


def numbers(_: argparse.Namespace) -> Iterator[Any]:
    """Numbers matched in simulated calls, by how far the boxes' clocks are off."""
    for off_s in (0.0, 60.0, 600.0):
        begin = datetime(2026, 3, 2, 7, tzinfo=UTC)
        calls = [
            call
            for desk in truth.desks(20, seed=7, off_by_s=off_s)
            for n in range(9)
            for call in truth.day(desk, begin + timedelta(days=n), 10, seed=7)
        ]
        tally = exchange.tally(calls, list(exchange.legs(calls, 7)))
        yield {"off_by_s": off_s, **asdict(tally)}


def long_years(options: argparse.Namespace) -> Iterator[Any]:
    """Figures over 25 months of calls, in SQLite."""
    with tempfile.TemporaryDirectory(prefix="sered-load-") as name:
        folder = options.years_in or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        yield years.measure(folder, options.calls_of_years)


ROWS: dict[str, Callable[[argparse.Namespace], Iterator[Any]]] = {
    "rates": rates,
    "healths": healths,
    "answers": answers,
    "watchings": watchings,
    "kills": killings,
    "outages": out,
    "boxes": fleets,
    "boards": boards,
    "numbers": numbers,
    "years": long_years,
}


def main() -> None:
    """Measure the rows that are asked for, keep the others' figures, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all unless given")
    parser.add_argument("--a-second", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--away", type=float, default=600.0)
    parser.add_argument("--boxes", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--calls-of-years", type=int, default=10_000_000)
    parser.add_argument("--years-in", type=Path, help="folder that is kept, and gone on with")
    parser.add_argument("--stores", nargs="+", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.rows or ROWS:
        # a store that is not measured now keeps its rows
        kept = [one for one in known.get(name, []) if one["store"] not in {"", *options.stores}]
        fresh = list[dict[str, Any]]()
        for one in stamped(ROWS[name](options)):
            print(name, json.dumps(one), flush=True)
            fresh.append(one)
            known[name] = sorted(kept + fresh, key=lambda row: str(row["store"]), reverse=True)
            RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    PAGE.write_text(page_text.of(known))


def stamped(rows: Iterator[Any]) -> Iterator[dict[str, Any]]:
    """Each with its store, its end, its machine, and the load on it before and after."""
    before = os.getloadavg()[0]
    for one in rows:
        after = os.getloadavg()[0]
        found = one if isinstance(one, dict) else asdict(one)
        yield {"store": ""} | found | {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            "machine": f"{psutil.cpu_count()} cores, {platform.machine()}, "
            f"Python {platform.python_version()}",
            "load": [round(before, 1), round(after, 1)],
        }  # fmt: skip
        before = after


if __name__ == "__main__":
    main()
