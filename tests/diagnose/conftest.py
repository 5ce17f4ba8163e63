"""What the doctor's tests share: a box of files, and one check's result by its id."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sered import config
from sered.diagnose import runner
from sered.diagnose.groups import GROUPS
from sered.diagnose.model import Context, Result
from sered.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Examine = Callable[..., dict[str, Result]]


# what checks import in processes of their own, here once for all of them
for _name in (
    "diagnose.checks.dialogue",
    "diagnose.checks.line_probe",
    "box.build",
    "tap.recording",
):
    importlib.import_module(f"sered.{_name}")


@pytest.fixture
def box(tmp_path: Path) -> Callable[..., Path]:
    """Writes files under a root of its own: box({"proc/meminfo": "..."})."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "root"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        root.mkdir(exist_ok=True)
        return root

    return write


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Context]:
    """A context from a TOML text, read as the command does; `where` adds fields to it."""

    def make(toml: str = "", **where: Any) -> Context:
        path = tmp_path / "sered.toml"
        path.write_text(textwrap.dedent(toml))
        settings, said = None, ""
        try:
            settings = config.load(path, environ={})
        except ConfigError as error:
            said = str(error)
        return Context(settings, path, said, **where)

    return make


@pytest.fixture
def examine() -> Examine:
    """Runs one group (or `only` one of its checks) as the command does: id to result.

    In lines' groups the key is `id/line`.
    """

    def run(group: str, context: Context, only: str = "") -> dict[str, Result]:
        chosen = [
            replace(one, checks=tuple(c for c in one.checks if not only or c.id == only))
            for one in GROUPS
            if one.name == group
        ]
        return {
            f"{result.check.id}/{result.line}" if result.line else result.check.id: result
            for result in runner.run(chosen, context)
        }

    return run
