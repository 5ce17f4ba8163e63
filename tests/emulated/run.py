"""`make test-image`: the card's image in an emulated machine: verdicts, cuts, upgrade.

Steps, each going on from what the one before left in the folder: `start` emulates the first start
until verdicts wait for a broker, and logs every write; `cuts` takes the power away at moments of
that log, random ones, and starts what is left as a container; `again` emulates a start of the last
of these; `upgrade` goes up to a newer package and back from a broken one there.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from emulated import after, first

_STEPS = "start cuts again upgrade"


def main() -> None:
    """The steps in turn, each with what it took; exit status 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--arch", default="arm64")
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument(
        "--waiting", type=int, default=4, help="verdicts kept before there is a broker"
    )
    parser.add_argument("--steps", default="")
    given = parser.parse_args()
    if not given.image.is_file():
        parser.error(f"IMAGE={given.image} is no file: make image ARCH={given.arch} makes one")
    steps = given.steps or (_STEPS if given.arch == "amd64" else "start again")
    if unknown := [step for step in steps.split() if step not in _STEPS.split()]:
        parser.error(f"STEPS={given.steps} has {unknown[0]}; there are {_STEPS}")
    # an emulated machine and a broker end with whoever started them
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended from outside."))
    folder = given.image.parent / f"tried-{given.arch}"
    folder.mkdir(exist_ok=True)
    took: list[str] = []
    for step in steps.split():
        print(f"== {step}", flush=True)
        began = time.monotonic()
        if step == "start":
            first.start(given.image, given.arch, folder, given.waiting)
        elif step == "cuts":
            after.cuts(folder, given.cuts)
        elif step == "again":
            after.again(given.arch, folder)
        else:
            after.upgrade(folder, given.image.parent)
        took.append(f"{step} {(time.monotonic() - began) / 60:.0f} min")
    print(f"passed: {', '.join(took)}", flush=True)


if __name__ == "__main__":
    main()
