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
from load import answer, board, boxes, kills, outages, page_text, rate, years
from load.stage import Stage
from project import ROOT
from sered.central.simulate import exchange, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = ROOT / "docs" / "performance" / "central.json"
PAGE = ROOT / "docs" / "central-performance.md"
KINDS = ("sqlite", "postgresql")


@contextlib.contextmanager
def stage(
    kind: str,
    *,
    web: bool = False,
    channels: str = "",
    saves: str = "autosave_on_changes true",
    disk: Path | None = None,
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
            folder, kind, board=web, channels=channels, postgres=server, saves=saves, disk=disk
        )
        stack.callback(made.close)
        yield made


def rates(options: argparse.Namespace) -> list[Any]:
    """500 calls a second for a minute."""
    found = []
    for kind in KINDS:
        # a broker that saves at every change takes no 500 a second: see the page
        with stage(kind, saves="autosave_interval 60") as one:
            found.append(rate.measure(one, options.a_second, options.seconds))
    return found


def answers(_: argparse.Namespace) -> list[Any]:
    """From an alert to a case and its notification."""
    found = []
    for kind in KINDS:
        sink = answer.Sink()
        with stage(kind, channels=sink.toml()) as one:
            found.append(answer.measure(one, sink))
        sink.shutdown()
    return found


def killings(options: argparse.Namespace) -> list[Any]:
    """Half of the kills on each database."""
    found = []
    for kind in KINDS:
        sink = answer.Sink()
        with stage(kind, channels=sink.toml(), saves="autosave_interval 1") as one:
            found.append(kills.measure(one, sink, options.kills // 2))
        sink.shutdown()
    return found


def boards(options: argparse.Namespace) -> list[Any]:
    """The full board, then eight people on it."""
    found: list[Any] = []
    for kind in KINDS:
        with stage(kind, web=True) as one:
            found.append(board.page(one, options.calls, 10_000))
            found.append(board.claims(one))
    return found


def out(options: argparse.Namespace) -> list[Any]:
    """A disk that is full for half a minute, and a database that is away for ten minutes."""
    found = []
    if os.geteuid() == 0:
        with tempfile.TemporaryDirectory(prefix="sered-disk-") as name:
            mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", name]
            subprocess.run(mount, check=True)
            try:
                with stage("sqlite", disk=Path(name)) as one:
                    found.append(outages.full_disk(one, Path(name), 30.0))
            finally:
                subprocess.run(["umount", "-l", name], check=True)
    else:
        print("outages: only root can make a small file system, so no disk is filled")
    with stage("postgresql") as one:
        found.append(outages.away(one, options.away))
    return found


def fleets(options: argparse.Namespace) -> list[Any]:
    """Ten thousand connections, and the storm after a broker's death."""
    with tempfile.TemporaryDirectory(prefix="sered-boxes-") as name:
        return [boxes.measure(Path(name), options.boxes)]


def numbers(_: argparse.Namespace) -> list[Any]:
    """Numbers matched in simulated calls, by how far the boxes' clocks are off."""
    found = []
    for off_s in (0.0, 60.0, 600.0):
        begin = datetime(2026, 3, 2, 7, tzinfo=UTC)
        calls = [
            call
            for desk in truth.desks(20, seed=7, off_by_s=off_s)
            for n in range(9)
            for call in truth.day(desk, begin + timedelta(days=n), 10, seed=7)
        ]
        tally = exchange.tally(calls, list(exchange.legs(calls, 7)))
        found.append({"off_by_s": off_s, **asdict(tally)})
    return found


def long_years(options: argparse.Namespace) -> list[Any]:
    """Figures over 25 months of calls, in SQLite."""
    with tempfile.TemporaryDirectory(prefix="sered-load-") as name:
        return [years.measure(Path(name), options.calls_of_years)]


ROWS: dict[str, Callable[[argparse.Namespace], list[Any]]] = {
    "rates": rates,
    "answers": answers,
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
    options = parser.parse_args()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.rows or ROWS:
        before = os.getloadavg()[0]
        found = [one if isinstance(one, dict) else asdict(one) for one in ROWS[name](options)]
        known[name] = {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            "machine": f"{psutil.cpu_count()} cores, {platform.machine()}, "
            f"Python {platform.python_version()}",
            "load_before": round(before, 1),
            "rows": found,
        }
        for one in found:
            print(name, json.dumps(one))
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    PAGE.write_text(page_text.of(known))


if __name__ == "__main__":
    main()
