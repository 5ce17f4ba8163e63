"""`make year-coverage`: how often the pages' 95 % intervals hold the truth, over seeded years."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from central_stage import CONFIGURATION, KEY, Clock
from sered.central.context import Central
from sered.central.settings import CentralSettings
from sered.central.simulate import year, year_check, year_truth
from sered.central.store import migrate
from sered.central.store.engine import Store
from sered.central.vault import Vault

WANTED, WITHIN = 0.95, 0.02


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
        settings = CentralSettings.model_validate(
            CONFIGURATION | {"courtesy": {"calls_a_week": 20}}
        )
        central = Central(settings, store, Vault(KEY), Clock())
        filled = year.fill(central, seed, year_truth.SMALL, days)
        for held in year_check.of_site(central, filled):
            found[held.figure].append(held.covers)
        store.close()
        for each in folder.glob(f"{path.name}*"):
            each.unlink()
    counts = {name: (sum(held), len(held)) for name, held in found.items()}
    return counts, time.perf_counter() - began


def main() -> int:
    """Print a table; 1 where all figures together miss 95 by more than 2 per cent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        seeds = range(options.first, options.first + options.years)
        counts, seconds = coverage(Path(folder), seeds)
    for name, (held, of) in counts.items():
        print(f"{name:28}{held:6} of {of:5}  {held / of:.1%}")
    held, of = (sum(column) for column in zip(*counts.values(), strict=True))
    print(f"{'all':28}{held:6} of {of:5}  {held / of:.1%}   ({seconds:.0f} s)")
    missed = [n for n, (k, of) in counts.items() if abs(k / of - WANTED) > WITHIN]
    print(f"Outside of 95 ± 2 %: {', '.join(missed) or 'none'}.")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
