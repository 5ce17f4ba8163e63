#!/usr/bin/env python3
"""Prints which wheels of a folder a box needs: what our own wheel asks for, and what these ask for.

Usage: needed.py OWN-WHEEL FOLDER PYTHON MACHINE   (such as 3.13 aarch64)
The pinned versions are everybody's, central's too; a box's package carries a box's. Wants the
library `packaging`, which is among them.
"""

from __future__ import annotations

import re
import sys
import zipfile
from email import message_from_string
from pathlib import Path

from packaging.requirements import Requirement

EXTRA = "gpio"


def main() -> None:
    """Print one path a line."""
    own, folder, python, machine = sys.argv[1:]
    for wheel in needed(Path(own), Path(folder), python, machine):
        sys.stdout.write(f"{wheel}\n")


def needed(own: Path, folder: Path, python: str, machine: str) -> list[Path]:
    """Wheels of `folder`, sorted; ends the program when one that is asked for is not there."""
    there = {_name(path.name.split("-")[0]): path for path in folder.glob("*.whl")}
    taken: set[Path] = set()
    waiting = [(own, EXTRA)]
    seen = set(waiting)
    while waiting:
        wheel, extra = waiting.pop()
        for wanted in _wants(wheel, extra, python, machine):
            path = there.get(_name(wanted.name))
            if path is None:
                sys.exit(f"{wheel.name} asks for {wanted}, and {folder} has no wheel of it.")
            taken.add(path)
            found = {(path, each) for each in ("", *wanted.extras)} - seen
            seen |= found
            waiting += found
    return sorted(taken)


def _wants(wheel: Path, extra: str, python: str, machine: str) -> list[Requirement]:
    box = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "extra": extra,
    }
    with zipfile.ZipFile(wheel) as opened:
        name = next(n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = message_from_string(opened.read(name).decode("utf-8"))
    asked = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    return [each for each in asked if each.marker is None or each.marker.evaluate(box)]


def _name(written: str) -> str:
    return re.sub(r"[-_.]+", "-", written).lower()


if __name__ == "__main__":
    main()
