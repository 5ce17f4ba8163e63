"""`make chaos`: every fault in full numbers against a real Mosquitto; prints the table."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos import boxes, brokers, clocks, disks
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.tally import Row

TABLE = ROOT / "docs" / "chaos.md"


def main() -> None:
    """Try everything; exit 1 if a verdict was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="A tenth of everything.")
    parser.add_argument("--only", default="", help="Names of faults, separated by commas.")
    parser.add_argument("--keep", action="store_true", help="Write docs/chaos.md.")
    given = parser.parse_args()
    for program in ("mosquitto", "strace", "mount", "openssl", "faketime"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            parser.error(f"needs {program}: apt-get install {program}")
    if os.geteuid() != 0:
        parser.error("needs root: a disk that fills up is a tmpfs of its own")
    less = 10 if given.quick else 1
    faults: dict[str, Callable[[Path], Row]] = {
        "kills": lambda folder: boxes.kills(folder, 200 // less),
        "service": lambda folder: boxes.service(folder, 20 // less),
        "outage": lambda folder: brokers.outage(folder, 10_000 // less),
        "restarts": lambda folder: brokers.restarts(folder, 50 // less),
        "network": lambda folder: brokers.network(folder, 1_000 // less),
        "corruption": lambda folder: brokers.corruption(folder, 2_000 // less),
        "power_cuts": lambda folder: disks.power_cuts(folder, 500 // less),
        "half_calls": lambda folder: disks.half_calls(folder, 200 // less),
        "clocks": lambda folder: clocks.steps(folder, 40 // less),
        "stale_clock": lambda folder: clocks.service(folder, 4 // min(less, 2)),
        "full_disk": lambda folder: disks.full_disk(folder, 40),
        "read_only": lambda folder: disks.read_only(folder, 40),
    }
    wanted = given.only.split(",") if given.only else list(faults)
    if unknown := [name for name in wanted if name not in faults]:
        parser.error(f"no such fault: {', '.join(unknown)}. Wanted: {', '.join(faults)}")
    rows = [_try(name, faults[name]) for name in wanted]
    table = "\n".join(
        f"| {r.fault} | {r.tried} | {r.verdicts} | {r.lost} | {r.notes} |" for r in rows
    )
    table = f"| fault | tried | verdicts | lost | |\n|---|---|---|---|---|\n{table}\n"
    verdicts, lost = sum(row.verdicts for row in rows), sum(row.lost for row in rows)
    total = f"Faults: {len(rows)}. Verdicts: {verdicts}. Lost: {lost}."
    print(f"\n{table}\n{total}")
    if given.keep:
        _keep(table, total)
    sys.exit(any(row.lost or row.missed for row in rows))


def _try(name: str, fault: Callable[[Path], Row]) -> Row:
    folder = Path(tempfile.mkdtemp(prefix=f"sered-chaos-{name}-"))
    began = time.monotonic()
    try:
        row = fault(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{name}: {row.verdicts} verdicts, {row.lost} lost, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return row


def _keep(table: str, total: str) -> None:
    head, _, rest = TABLE.read_text().partition("<!-- figures -->")
    _, _, tail = rest.partition("<!-- end -->")
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
    TABLE.write_text(
        f"{head}<!-- figures -->\n{table}\n{total}\nMeasured on {machine}.\n<!-- end -->{tail}"
    )


if __name__ == "__main__":
    main()
