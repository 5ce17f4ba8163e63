"""A Raspberry Pi's userland, emulated: slow, so it has a make target of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from system.desk import CHECKOUT, DEMO_CALL, Desk, unpinned
from system.machine import Machine, disk_like, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.arm64, pytest.mark.timeout(5400)]
_EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_CLOSE = 0.02
_TARGET = "/opt/sered/current/bin/sered"


@pytest.fixture(scope="module")
def box(workshop: Path) -> Iterator[Machine]:
    """An arm64 Bookworm, not booted, with sered installed by its own script."""
    if refused := _not_emulated():
        pytest.skip(f"needs qemu-user-static and binfmt_misc; here: {refused}")
    with disk_like([seed("bookworm", "arm64")], workshop / "arm64") as disk:
        machine = Machine(disk)
        Desk(machine).furnish()
        assert "is installed" in machine.run_unbooted(f"{CHECKOUT}/systemd/install")
        yield machine


def _not_emulated() -> str:
    """Why the kernel does not start ARM programs; empty where it does, and from now on it may."""
    commands = (
        ["mount", "-t", "binfmt_misc", "binfmt_misc", str(_EMULATOR.parent)],
        ["update-binfmts", "--enable", _EMULATOR.name],
    )
    said = ""
    for command in commands:
        if not _EMULATOR.exists() and shutil.which(command[0]):
            said += subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return "" if _EMULATOR.exists() else said or "no update-binfmts"


def test_it_is_an_arm_processor(box: Machine) -> None:
    """Machine, Python and libraries are 64-bit ARM, in the pinned versions."""
    assert box.run_unbooted("uname -m").strip() == "aarch64"
    libraries = box.run_unbooted("find /opt/sered -name '*aarch64*.so*' | wc -l")
    assert int(libraries) > 20
    assert unpinned(box.run_unbooted("/opt/sered/current/bin/pip freeze"), "3.11") == []


def test_the_doctor_finds_nothing_wrong_with_voice_and_words(box: Machine) -> None:
    """Network, recogniser, lexicon and the whole line do there what they do elsewhere."""
    groups = "--only emotion --only words --only whole"
    text = box.run_unbooted(f"{_TARGET} diagnose --json {groups} || true")
    checks = json.loads(text)["checks"]
    print("".join(f"\n{c['mark']} {c['claim']}: {c['found']}" for c in checks))
    # an emulated processor is no measure of speed, and some checks are not done in time there
    slow = {"words.speed", "emotion.speed"} | {c["id"] for c in checks if c["fault"] == "hung"}
    assert {c["id"] for c in checks if c["mark"] == "fail"} <= slow
    assert any(c["mark"] == "ok" for c in checks)


def test_the_demo_call_gets_the_same_verdict(box: Machine) -> None:
    """Category and escalation are equal, every score within 0.02 of this machine's."""
    there = _verdict(box.run_unbooted(f"{_TARGET} analyze --json {DEMO_CALL}"))
    # this machine's libraries with the very code and models that went over there
    command = [sys.executable, "-m", "sered", "analyze", "--json", f"{box.disk.root}{DEMO_CALL}"]
    environ = os.environ | {"PYTHONPATH": f"{box.disk.root}{CHECKOUT}/device"}
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
