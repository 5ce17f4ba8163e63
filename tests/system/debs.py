"""Packages of other versions for the tests: a newer one, one that dies as it listens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from project import ROOT
from system.desk import NOT_IN_A_CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def checkout(folder: Path, version: str) -> Path:
    """A copy of the project that says it is `version`."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_IN_A_CHECKOUT))
    number(folder, version)
    return folder


def number(checkout: Path, version: str) -> None:
    """Let a checkout say another version."""
    for name, before in (("pyproject.toml", ""), ("device/sered/__init__.py", "__")):
        path = checkout / name
        text = path.read_text(encoding="utf-8")
        wanted = f'{before}version{before} = "{version}"'
        path.write_text(
            re.sub(f'^{before}version{before} = ".*"', wanted, text, count=1, flags=re.MULTILINE),
            encoding="utf-8",
        )


def break_it(checkout: Path) -> None:
    """Let the service die after what its dry run tries."""
    edit(
        checkout / "device/sered/box/service.py",
        "        self._start()\n",
        "        raise SystemExit(3)\n",
    )


def edit(path: Path, old: str, new: str) -> None:
    """Change one place; fails where it is not there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def like(package: Path, checkout: Path, version: str, folder: Path) -> Path:
    """The same package with another sered in it; packing the libraries again takes minutes."""
    tree = folder / version
    _run("dpkg-deb", "-R", package, tree)
    inside = tree / "usr/lib/sered"
    for wheel in inside.glob("wheels/sered-*.whl"):
        wheel.unlink()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    _run(*build, inside / "wheels", checkout)
    (inside / "ID").write_text(f"{version}-{version.replace('.', '')}\n", encoding="utf-8")
    control = tree / "DEBIAN/control"
    old = next(each for each in control.read_text().splitlines() if each.startswith("Version: "))
    edit(control, old, f"Version: {version}")
    (tree / "DEBIAN/md5sums").unlink()
    made = folder / f"sered_{version}_amd64.deb"
    _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made)
    shutil.rmtree(tree)
    return made


def _run(*command: str | Path) -> None:
    said: Sequence[str | Path] = command
    subprocess.run(said, check=True, capture_output=True)
