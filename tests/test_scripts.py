"""The shell scripts as far as they go without a machine of their own; the rest: tests/system."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "systemd"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of commands that take the place of the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def _command(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _run(
    *command: str | Path, tools: Path | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = os.environ["PATH"]
    env = os.environ | {"PATH": f"{tools}:{path}" if tools else path} | dict(environ or {})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize("arch", ["armhf", "i386", "riscv64"])
def test_a_system_that_has_no_libraries_is_refused_at_once(tools: Path, arch: str) -> None:
    """A 32-bit userland is named with the reason before anything is changed."""
    _command(tools, "dpkg", f"echo {arch}")
    ended = _run(SYSTEMD / "install", tools=tools)
    assert ended.returncode == 1
    assert f"this one is {arch}" in ended.stderr
    assert "64-bit image" in ended.stderr
    assert not ended.stdout


@pytest.fixture
def bundle(tmp_path: Path, tools: Path) -> Path:
    """A bundle as far as its checks go: scripts, something in `wheels`, target and checksums."""
    _command(tools, "dpkg", "echo amd64")
    folder = tmp_path / "sered-1.2.3"
    shutil.copytree(SYSTEMD, folder / "systemd")
    (folder / "wheels").mkdir()
    (folder / "wheels/a.whl").write_bytes(b"a library")
    here = _run("bash", "-c", f". {SYSTEMD}/lib.sh; target_here", tools=tools).stdout
    (folder / "TARGET").write_text(here)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(folder)}\n"
        for path in folder.rglob("*")
        if path.is_file()
    ]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def _install_from(bundle: Path, tools: Path) -> str:
    """What the bundle's own installation says to somebody who is not root."""
    _command(tools, "id", "echo 1000")
    ended = _run(bundle / "systemd/install", tools=tools)
    assert ended.returncode == 1
    return ended.stderr


def test_a_whole_bundle_passes_its_checks(bundle: Path, tools: Path) -> None:
    """Nothing is said of damage; root is the next thing that is asked for."""
    assert _install_from(bundle, tools).startswith("This changes the system: run it as root")


@pytest.mark.parametrize("damage", ["changed", "cut", "missing"])
def test_a_damaged_bundle_is_refused_before_anything_is_touched(
    bundle: Path, tools: Path, damage: str
) -> None:
    """A file that is changed, cut short or missing is named, and that is the end."""
    library = bundle / "wheels/a.whl"
    if damage == "missing":
        library.unlink()
    else:
        library.write_bytes(b"a librarz" if damage == "changed" else b"a lib")
    said = _install_from(bundle, tools)
    assert "This bundle is damaged" in said
    assert "root" not in said


def test_a_bundle_for_another_box_is_refused(bundle: Path, tools: Path) -> None:
    """Both kinds are named."""
    (bundle / "TARGET").write_text("bookworm-arm64\n")
    said = _install_from(bundle, tools)
    assert said.startswith("This bundle is for bookworm-arm64; this box is ")


def test_packages_that_are_here_are_not_talked_about(tools: Path) -> None:
    """With nothing missing the package step is silent and asks for no rights."""
    _command(tools, "dpkg-query", "echo 'ii '")
    _command(tools, "apt-get", "exit 99")
    ended = _run(SYSTEMD / "debian-packages", "service", "build", "test", tools=tools)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_missing_packages_are_named_with_the_reason(tools: Path) -> None:
    """What is missing is installed, after saying what and why; nothing else is."""
    _command(tools, "dpkg-query", 'case "$*" in *libatomic1*) exit 1 ;; esac; echo "ii "')
    _command(tools, "apt-get", f'echo "$*" >>{tools}/asked')
    _command(tools, "sudo", 'exec "$@"')
    ended = _run(SYSTEMD / "debian-packages", "service", tools=tools)
    assert ended.returncode == 0
    assert "  libatomic1: Vosk does not load without it" in ended.stdout
    asked = (tools / "asked").read_text().splitlines()
    assert asked[-1].endswith("install -y --no-install-recommends libatomic1")


def test_a_failing_installation_of_packages_shows_apts_own_words(tools: Path) -> None:
    """The exit status is not 0 and what apt said is there."""
    _command(tools, "dpkg-query", "exit 1")
    _command(tools, "apt-get", "echo 'E: no space left'; exit 100")
    _command(tools, "sudo", 'exec "$@"')
    ended = _run(SYSTEMD / "debian-packages", "service", tools=tools)
    assert ended.returncode == 1
    assert "E: no space left" in ended.stderr
    assert "libatomic1" in ended.stderr


def test_every_target_of_the_makefile_is_in_its_help() -> None:
    """`make` alone lists what it can do, a line each."""
    shown = _run("make", "-C", ROOT, "--no-print-directory").stdout
    for name in ("run", "test", "check", "install", "upgrade", "uninstall", "bundle"):
        assert f"\n  make {name} " in f"\n{shown}"


def test_one_checkout_is_one_version_and_another_is_another(tmp_path: Path) -> None:
    """The name under /opt/sered is the version and a hash of what is installed, nothing else."""
    for folder in ("device", "models", "systemd"):
        (tmp_path / folder / "__pycache__").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "device/a.py").write_text("a = 1\n")

    def name() -> str:
        return _run("bash", "-c", f". {SYSTEMD}/lib.sh; id_of {tmp_path}").stdout.strip()

    first = name()
    assert first.startswith("1.2.3-")
    (tmp_path / "device/__pycache__/a.pyc").write_bytes(b"x")
    (tmp_path / "README.md").write_text("not installed\n")
    assert name() == first
    (tmp_path / "device/a.py").write_text("a = 2\n")
    assert name() != first


def _pip(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the quiet pip says when it is to install something that is not here."""
    return subprocess.run(
        [SYSTEMD / "pip", tmp_path / "log", tmp_path / "pip", "install", "no-such-library"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_network_is_said_in_place_of_pips_forty_lines(tmp_path: Path) -> None:
    """The real pip, at an index that nobody serves: one paragraph, and the log's name."""
    program = tmp_path / "pip"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip "$@"\n')
    program.chmod(0o755)
    ended = _pip(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_CONFIG_FILE=os.devnull)
    assert ended.returncode == 1
    assert "is this machine online?" in ended.stderr
    assert len(ended.stderr.splitlines()) <= 5
    assert str(tmp_path / "log") in ended.stderr


def test_another_fault_of_pip_is_shown(tmp_path: Path) -> None:
    """What is no want of a network is shown in pip's own last words."""
    program = tmp_path / "pip"
    program.write_text("#!/bin/sh\necho 'WARNING: chatter'; echo 'ERROR: no compiler'; exit 1\n")
    program.chmod(0o755)
    ended = _pip(tmp_path)
    assert ended.returncode == 1
    assert "no compiler" in ended.stderr
    assert "chatter" not in ended.stderr
    assert "online" not in ended.stderr


def test_make_alone_lists_what_users_want_first() -> None:
    """`make` begins with run and install; every target of the list is one."""
    done = _run("make", "-C", ROOT, "help")
    names = re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE)
    assert names[:5] == ["run", "install", "upgrade", "uninstall", "bundle"]
    assert len(names) == len(set(names)) > 10
    text = (ROOT / "Makefile").read_text()
    assert set(names) == set(re.findall(r"^([a-z0-9-]+):.*## ", text, re.MULTILINE))


@pytest.mark.parametrize("begins", [True, False])
def test_a_version_that_cannot_begin_is_not_switched_to(
    tmp_path: Path, tools: Path, begins: bool
) -> None:
    """An upgrade that would stop a listening box for nothing leaves it alone and says why."""
    for version in ("old", "new"):
        program = tmp_path / version / "bin/sered"
        program.parent.mkdir(parents=True)
        ends = 0 if begins or version == "old" else 1
        program.write_text(
            '#!/bin/sh\n[ "$2" != --help ] || { echo --dry-run; exit; }\n'
            'case $1 in run) echo "$@" >> $0.asked; echo ImportError: no such;'
            f" exit {ends};; *) echo '{{\"checks\": []}}';; esac\n"
        )
        program.chmod(0o755)
        (tmp_path / version / "share/sered/systemd").mkdir(parents=True)
        (tmp_path / version / "share/sered/systemd/sered.service").write_text("[Unit]\n")
    (tmp_path / "current").symlink_to(tmp_path / "old")
    _command(tools, "setpriv", 'while [ "$1" != --clear-groups ]; do shift; done; shift; exec "$@"')
    _command(
        tools,
        "systemctl",
        f'echo "$@" >>{tmp_path}/asked\ncase "$*" in is-active*) echo active;;'
        " *NRestarts | *Monotonic) echo 0;; *) echo online: all well;; esac",
    )
    ended = _run(
        "bash", "-c",
        f". {SYSTEMD}/lib.sh; . {SYSTEMD}/switch.sh; home={tmp_path}; current=$home/current; "
        f"unit={tmp_path}/unit; configuration=c.toml; watch_s=0; exchange old new",
        tools=tools,
    )  # fmt: skip
    assert (tmp_path / "new/bin/sered.asked").read_text() == "run --dry-run --config c.toml\n"
    restarted = (tmp_path / "asked").exists() and "restart" in (tmp_path / "asked").read_text()
    assert restarted is begins
    assert (tmp_path / "current").resolve().name == ("new" if begins else "old")
    assert ended.returncode == (0 if begins else 1)
    assert begins or "ImportError: no such" in ended.stderr


@pytest.mark.parametrize(("fault", "worse"), [("hung", False), ("other", True), ("crashed", True)])
def test_a_check_that_ran_out_of_time_stops_no_upgrade(
    tmp_path: Path, fault: str, worse: bool
) -> None:
    """A busy box is not taken for a bad version; what the new one truly fails at is."""
    for version, mark in (("old", "ok"), ("new", "fail")):
        check = {"id": "whole.verdict", "line": None, "mark": mark, "fault": fault}
        (tmp_path / version / "bin").mkdir(parents=True)
        said = json.dumps({"checks": [check]})
        _command(tmp_path / version / "bin", "sered", f"echo '{said}'")
    script = f". {SYSTEMD}/lib.sh; . {SYSTEMD}/switch.sh; home={tmp_path}; no_worse old new"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == worse
    assert ("whole.verdict" in ended.stderr) is worse
