"""Installed by uv, by pipx and as hard links of either, as the docs say: `make test-installed`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.installed, pytest.mark.timeout(900)]
TOOLS = ("uv", "pipx")


def _program(name: str) -> str:
    """The tool that stands beside this Python, or elsewhere on the way; fails where it is not."""
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    found = shutil.which(name, path=path)
    assert found, f"{name} is not here: `make test-installed` fetches it, or pip install {name}"
    return found


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What it wrote; what it complained of where it fails. No configuration of this machine."""
    ours = {name: each for name, each in os.environ.items() if not name.startswith("SERED")}
    ended = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False,
        env=ours | {"SERED_CONFIG": os.devnull} | environment,
    )  # fmt: skip
    assert ended.returncode == 0, f"{ended.stdout[-1000:]}{ended.stderr[-3000:]}"
    assert "Traceback" not in ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Beside the checkout's environment: links do not reach from one file system to another."""
    made = Path(tempfile.mkdtemp(prefix=".installed-", dir=Path(sys.prefix).parent))
    # a fresh clone, as in the docs: what git does not know is not installed
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            (made / "sered" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made / "sered" / name)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module", params=TOOLS)
def installed(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The `sered` that the tool made of the docs' own line."""
    tool = request.param
    (line,) = re.findall(
        rf"(?<![\w-])({'uv tool' if tool == 'uv' else 'pipx'} install \./sered)",
        (ROOT / "docs/fleet.md").read_text(),
    )
    home, links = folder / tool, folder / f"{tool}-bin"
    _run(
        _program(tool), *line.split()[1:], cwd=folder, UV_TOOL_DIR=str(home),
        UV_TOOL_BIN_DIR=str(links), UV_CACHE_DIR=str(folder / "cache"), UV_LINK_MODE="hardlink",
        UV_PYTHON=sys.executable, PIPX_HOME=str(home), PIPX_BIN_DIR=str(links),
        PIPX_DEFAULT_PYTHON=sys.executable,
    )  # fmt: skip
    return links / "sered"


def _judges(sered: list[str | Path], cwd: Path) -> None:
    """Voice and words: the networks, the recogniser and the lexicon are all found."""
    call = next(cwd.glob("**/site-packages/sered/demo/call.wav"))
    (found,) = json.loads(_run(*sered, "analyze", call, "--json", cwd=cwd))
    (judged,) = found["calls"]
    assert judged["sentiment"]["category"] == "negative"
    assert "money back" in " ".join(term["text"] for term in judged["verbal"]["terms"])
    assert judged["acoustic"]["emotions"]


def test_the_docs_line_judges_a_call(installed: Path, folder: Path) -> None:
    """`sered analyze` hears voice and words of the demo call, away from the checkout."""
    _judges([installed], folder)


def test_it_says_its_version_and_its_models(installed: Path, folder: Path) -> None:
    """Version, configuration and models answer without anything of the checkout."""
    assert _run(installed, "--version", cwd=folder).startswith("sered ")
    (library,) = installed.resolve().parents[1].glob("lib/python*/site-packages/numpy/__init__.py")
    # what the tool lays out is what this is about
    assert library.stat().st_nlink > 1 or "uv" not in str(installed)
    assert "vosk-mini" in _run(installed, "models", "list", cwd=folder)
    _run(installed, "models", "verify", cwd=folder)


def test_hard_links_of_an_installation_judge(installed: Path, folder: Path) -> None:
    """A copy made of links to the same files (`cp -al`) judges like what it was made of."""
    whole = installed.resolve().parent.parent
    linked = folder / f"links-of-{whole.parent.name}-{whole.name}"
    shutil.copytree(whole, linked, copy_function=os.link, symlinks=True)
    (library,) = linked.glob("lib/python*/site-packages/numpy/__init__.py")
    assert library.stat().st_nlink > 1
    _judges([linked / "bin/python", "-I", "-m", "sered"], linked)
