"""A Raspberry Pi's userland, emulated: slow, so it has a make target of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from desk import CHECKOUT, DEMO_CALL, Desk
from machine import Machine, disk_like, lent_environment, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.arm64, pytest.mark.timeout(5400)]
_EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_CLOSE = 0.02
_TARGET = "/opt/sered/current/bin/sered"


@pytest.fixture(scope="module")
def root(workshop: Path) -> Iterator[Path]:
    """The files of an arm64 Bookworm with sered installed by its own script."""
    if not _EMULATOR.exists():
        pytest.skip("needs qemu-user-static with binfmt_misc mounted")
    with disk_like([seed("bookworm", "arm64")], workshop / "arm64") as disk:
        Desk(Machine(disk)).furnish()
        said = _inside(disk.root, f"{CHECKOUT}/systemd/install")
        assert "is installed" in said
        yield disk.root


def _inside(root: Path, script: str) -> str:
    """What a script says, run on the emulated processor."""
    lent = [f"--setenv={name}={value}" for name, value in lent_environment().items()]
    command = ["systemd-nspawn", "-q", "-D", str(root), "--register=no", "--keep-unit", "--pipe"]
    command += ["--resolv-conf=off", "--timezone=off", *lent, "bash", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_it_is_an_arm_processor(root: Path) -> None:
    """Machine, Python and libraries are 64-bit ARM."""
    assert _inside(root, "uname -m").strip() == "aarch64"
    libraries = _inside(root, "find /opt/sered -name '*aarch64*.so*' | wc -l")
    assert int(libraries) > 20


def test_the_doctor_finds_nothing_wrong_with_voice_and_words(root: Path) -> None:
    """Network, recogniser, lexicon and the whole line do there what they do elsewhere."""
    groups = "--only emotion --only words --only whole"
    text = _inside(root, f"{_TARGET} diagnose --json {groups} || true")
    checks = json.loads(text)["checks"]
    print("".join(f"\n{c['mark']} {c['claim']}: {c['found']}" for c in checks))
    # an emulated processor is no measure of speed, and some checks are not done in time there
    slow = {"words.speed", "emotion.speed"} | {c["id"] for c in checks if c["fault"] == "hung"}
    assert {c["id"] for c in checks if c["mark"] == "fail"} <= slow
    assert any(c["mark"] == "ok" for c in checks)


def test_the_demo_call_gets_the_same_verdict(root: Path) -> None:
    """Category and escalation are equal, every score within 0.02 of this machine's."""
    there = _verdict(_inside(root, f"{_TARGET} analyze --json {DEMO_CALL}"))
    # this machine's libraries with the very code and models that went over there
    command = [sys.executable, "-m", "sered", "analyze", "--json", f"{root}{DEMO_CALL}"]
    environ = os.environ | {"PYTHONPATH": f"{root}{CHECKOUT}/device"}
    here = _verdict(subprocess.check_output(command, text=True, env=environ))
    print(f"\nhere {here}\nthere {there}")
    for name, value in here.items():
        if isinstance(value, float):
            assert there[name] == pytest.approx(value, abs=_CLOSE), name
        else:
            assert there[name] == value, name


def _verdict(text: str) -> dict[str, Any]:
    report = json.loads(text)[0]["calls"][0]
    verdict = {f"sentiment.{name}": value for name, value in report["sentiment"].items()}
    return verdict | {side: report[side]["score"] for side in ("acoustic", "verbal")}
