"""What a box gets beside sered: pinned libraries, and Debian packages with their reasons."""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project import ROOT

SYSTEMD = ROOT / "systemd"


def _pins(python: str) -> dict[str, str]:
    """Pinned versions by canonical name."""
    lines = (SYSTEMD / f"constraints-{python}.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_library_of_a_box_is_pinned(python: str) -> None:
    """Each one that pyproject.toml names has a version for either Debian that it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["gpio"]
    wanted = [Requirement(text) for text in named + project["build-system"]["requires"]]
    pins = _pins(python)
    here = [w for w in wanted if not w.marker or w.marker.evaluate({"python_version": python})]
    assert len(here) > 15
    missing = [w.name for w in here if canonicalize_name(w.name) not in pins]
    assert missing == []
    assert [w.name for w in here if pins[canonicalize_name(w.name)] not in w.specifier] == []


def test_what_is_tested_is_what_a_box_gets() -> None:
    """The libraries of this very environment have the pinned versions."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not (SYSTEMD / f"constraints-{python}.txt").exists():
        pytest.skip(f"no box runs Python {python}: nothing is pinned for it")
    here = {str(canonicalize_name(d.name)): d.version for d in metadata.distributions()}
    pins = _pins(python)
    common = pins.keys() & here.keys() - {"setuptools", "wheel"}
    assert len(common) > 30
    assert {n: here[n] for n in common if here[n] != pins[n]} == {}


def test_every_package_has_a_purpose_and_a_reason() -> None:
    """The table has three columns and knows eleven purposes."""
    lines = (SYSTEMD / "packages.txt").read_text().splitlines()
    rows = [line.split(maxsplit=2) for line in lines if not line.startswith("#")]
    assert len({name for name, _, _ in rows}) == len(rows) > 5
    assert {p for _, purposes, _ in rows for p in purposes.split(",")} == {
        "service",
        "build",
        "demo",
        "test",
        "chaos",
        "system",
        "arm64",
        "farm",
        "deb",
        "image",
        "emulated",
    }
