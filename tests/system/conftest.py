"""Booted machines for the system tests; each test module gets its own, sered installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from system.desk import Desk
from system.machine import CACHE, Disk, Machine, a_bus, disk_like, seed
from system.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "dbus-daemon")


@pytest.fixture(scope="session")
def can_boot() -> Iterator[None]:
    """What a booted machine needs, or the reason why there is none."""
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        needs = f"needs root and {', '.join(_NEEDED)}"
        pytest.skip(f"{needs}; here: uid {os.geteuid()}, missing {missing or 'nothing'}")
    if refused := _no_mount():
        pytest.skip(f"needs to mount overlays; here: {refused}")
    with a_bus():
        yield


def _no_mount() -> str:
    """What mount says where root may not lay one folder over another; empty where it may."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="try-", dir=CACHE) as folder:
        low, up, work, root = (Path(folder) / name for name in ("low", "up", "work", "root"))
        for each in (low, up, work, root):
            each.mkdir()
        options = f"lowerdir={low},upperdir={up},workdir={work}"
        command = ["mount", "-t", "overlay", "overlay", "-o", options, str(root)]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            subprocess.run(["umount", str(root)], check=True)
        return tried.stderr.strip()


@pytest.fixture(scope="session")
def workshop(can_boot: None) -> Iterator[Path]:
    """A folder on a real disk: a layer of an overlay may not lie on another one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=CACHE) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def pip_cache(can_boot: None) -> tuple[str, ...]:
    """Option that lends a machine the wheels that earlier ones fetched or built."""
    folder = CACHE / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    return (f"--bind={folder}:/var/cache/pip",)


@pytest.fixture(scope="session")
def installed(workshop: Path, pip_cache: tuple[str, ...]) -> Iterator[tuple[Disk, str]]:
    """The disk of a Bookworm box after its first `make install`, and what that said."""
    with disk_like([seed("bookworm")], workshop / "installed") as disk:
        machine = Machine(disk, pip_cache)
        desk = Desk(machine)
        desk.furnish()
        machine.boot()
        try:
            said = desk.install()
        finally:
            machine.power_off()
        yield disk, said.out


@pytest.fixture(scope="module")
def desk(
    installed: tuple[Disk, str],
    workshop: Path,
    pip_cache: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> Iterator[Desk]:
    """A booted box on a desk; the module's own."""
    disk, _ = installed
    with disk_like(disk.layers, workshop / request.module.__name__) as own:
        machine = Machine(own, pip_cache)
        machine.boot()
        try:
            yield Desk(machine)
        finally:
            machine.power_off()


@pytest.fixture(scope="session")
def central_installed(workshop: Path, pip_cache: tuple[str, ...]) -> Iterator[tuple[Disk, str]]:
    """The disk of a Bookworm server after its first `make install-central`, and what that said."""
    with disk_like([seed("bookworm")], workshop / "central-installed") as disk:
        machine = Machine(disk, pip_cache)
        server = Server(machine)
        server.furnish()
        machine.boot()
        try:
            said = server.install()
        finally:
            machine.power_off()
        yield disk, said.out


@pytest.fixture(scope="module")
def server(
    central_installed: tuple[Disk, str],
    workshop: Path,
    pip_cache: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> Iterator[Server]:
    """A booted server with central; the module's own."""
    disk, _ = central_installed
    with disk_like(disk.layers, workshop / request.module.__name__) as own:
        machine = Machine(own, pip_cache)
        machine.boot()
        try:
            yield Server(machine)
        finally:
            machine.power_off()


@pytest.fixture
def fresh(workshop: Path) -> Iterator[Callable[..., Desk]]:
    """`fresh(suite, *options)`: boots a machine that has never seen sered."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def boot(suite: str, *options: str) -> Desk:
            disk = stack.enter_context(disk_like([seed(suite)], workshop / f"fresh-{suite}"))
            machine = Machine(disk, options)
            desk = Desk(machine)
            desk.furnish()
            machine.boot()
            stack.callback(machine.power_off)
            return desk

        yield boot
