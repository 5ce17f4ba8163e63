"""`make year-coverage`: how often the pages' 95 % intervals hold the truth, over seeded years."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

from scipy.stats import binomtest

from central_stage import CONFIGURATION, KEY, Clock
from sered.central.context import Central
from sered.central.settings import CentralSettings
from sered.central.simulate import year, year_check, year_truth
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

WANTED, WITHIN = 0.95, 0.02
YEAR = {
    "courtesy": {"calls_a_week": 20},
    "holdout": {
        "share": 0.5, "score_above": -0.75, "until": date(2100, 1, 1), "planned": 100,
    },
}  # fmt: skip
"""A year with courtesy calls and a hold-out."""


def coverage(
    folder: Path, seeds: range, days: int = year.DAYS
) -> tuple[dict[str, tuple[int, int]], float]:
    """For each figure how many intervals held the truth, of how many; seconds that it took."""
    began = time.perf_counter()
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for seed in seeds:
        path = folder / f"year{seed}.db"
        store = Store(f"sqlite:///{path}")
        migrate.upgrade(store)
        settings = CentralSettings.model_validate(CONFIGURATION | YEAR)
        central = Central(settings, store, Vault(KEY), Clock())
        filled = year.fill(central, seed, year_truth.SMALL, days)
        for held in year_check.of_site(central, filled):
            found[held.figure].append(held.covers)
        store.close()
        for each in folder.glob(f"{path.name}*"):
            each.unlink()
    counts = {name: (sum(held), len(held)) for name, held in found.items()}
    return counts, time.perf_counter() - began


def judged(counts: dict[str, tuple[int, int]]) -> tuple[list[str], list[str]]:
    """Lines of a table, and the figures that are off.

    All together must be within 95 ± 2 %. A figure that comes once a year is told by chance alone
    to ± 3 % in 200 years: it is off where even its own interval (99.8 %) misses 95 ± 2 %.
    """
    lines, off = [], []
    for name, (held, of) in counts.items():
        found = binomtest(held, of).proportion_ci(0.998, method="wilson")
        lines.append(f"{name:28}{held:6} of {of:5}  {held / of:.1%}"
                     f"   ({found.low:.1%} to {found.high:.1%})")  # fmt: skip
        if found.low > WANTED + WITHIN or found.high < WANTED - WITHIN:
            off.append(name)
    held, of = (sum(column) for column in zip(*counts.values(), strict=True))
    lines.append(f"{'all':28}{held:6} of {of:5}  {held / of:.1%}")
    if abs(held / of - WANTED) > WITHIN:
        off.append("all")
    return lines, off


def main() -> int:
    """Print a table; 1 where a figure, or all together, misses 95 by more than 2 per cent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--into", type=Path, help="add to the counts of other years in this file")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        seeds = range(options.first, options.first + options.years)
        counts, seconds = coverage(Path(folder), seeds)
    if options.into:
        before = json.loads(options.into.read_text()) if options.into.exists() else {}
        for name, (held, of) in before.items():
            mine = counts.get(name, (0, 0))
            counts[name] = mine[0] + held, mine[1] + of
        options.into.write_text(json.dumps(counts))
    lines, off = judged(counts)
    print("\n".join(lines))
    print(f"{seconds:.0f} s. Outside of 95 ± 2 %: {', '.join(off) or 'none'}.")
    return 1 if off else 0


if __name__ == "__main__":
    raise SystemExit(main())
