"""`make pins`: the version of every library of a box and of central, asked on fresh Debians."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from system.desk import CHECKOUT, Desk
from system.machine import CACHE, Machine, a_bus, disk_like, seed

ROOT = Path(__file__).parents[2]
_SUITES = {"bookworm": "3.11", "trixie": "3.13"}
# what builds the libraries that come as source, and sered itself, is pinned too
_BUILDERS = "hatchling setuptools wheel"
_HEAD = """\
# What sered and central were tested with on Python {python}: what is installed and tested.
# Written by `make pins`; then `make test test-system test-arm64` before it is committed.
"""
_ASK = f"""\
set -e
{CHECKOUT}/systemd/debian-packages service build >&2
python3 -m venv /root/pins
PYPI=1 /root/pins/bin/pip install -qU --disable-pip-version-check --use-pep517 \
    '{CHECKOUT}[gpio,central]' {_BUILDERS} >&2
/root/pins/bin/pip freeze --all --exclude sered --exclude pip
"""


def main() -> None:
    """Write a constraints file for each Python that boxes have."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for suite, python in _SUITES.items():
        with (
            a_bus(),
            tempfile.TemporaryDirectory(prefix="pins-", dir=CACHE) as folder,
            disk_like([seed(suite)], Path(folder, "disk")) as disk,
        ):
            machine = Machine(disk)
            Desk(machine).furnish()
            pins = machine.run_unbooted(_ASK).strip()
        path = ROOT / f"systemd/constraints-{python}.txt"
        path.write_text(f"{_HEAD.format(python=python)}{pins}\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(pins.splitlines())} libraries")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{error.stderr or ''}")
