"""What comes after the first start: cuts of the power, a start after one, an upgrade."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from broker import free_port
from emulated import writes
from emulated.box import Surroundings, box, island
from emulated.card import Card, eventually
from emulated.moments import kept
from emulated.seen import BOOT_S, VERDICT_S, looked_at, say
from system import debs
from system.machine import a_bus

if TYPE_CHECKING:
    from pathlib import Path

    from system.machine import Machine


def cuts(folder: Path, number_of: int) -> None:
    """The power away at moments of the log, chosen at random; no verdict that waited is lost."""
    port, moments = kept(folder)
    early = [each for each in moments if not each.ended]
    late = [each for each in moments if each.ended]
    chance = random.Random()
    # three of ten while the box becomes somebody and hears its first call, the others while
    # verdicts wait
    few = min(max(number_of * 3 // 10, number_of - len(late)), len(early))
    taken = chance.sample(early, few) + chance.sample(late, number_of - few)
    disk, lost, waited = folder / "cut.img", 0, 0
    with a_bus(), island(f"card-{free_port()}") as network:
        for number, moment in enumerate(sorted(taken, key=lambda each: each.entries), 1):
            subprocess.run(["cp", "--sparse=always", folder / "before.img", disk], check=True)
            stood, gone = writes.cut(folder / "writes.log", moment.entries, disk, chance)
            around = Surroundings(folder / f"cut-{free_port()}", network, port)
            expected = set(moment.ended)
            around.on()
            try:
                began = time.monotonic()
                with box(disk, folder / "mounted", network) as machine:
                    _ready(machine)
                    took = time.monotonic() - began
                    missing = _missing(machine, around, expected)
            finally:
                around.off()
            waited, lost = waited + len(expected), lost + len(missing)
            print(
                f"cut {number}, {moment.at_s:.0f} s after power: {stood} writes stood, {gone} did"
                f" not; READY {took:.0f} s after a start; {len(expected)} verdicts waited,"
                f" {len(around.calls())} came, {len(missing)} lost",
                flush=True,
            )
    print(f"{number_of} power cuts, {waited} verdicts waited, {lost} lost", flush=True)
    if lost or not waited:
        sys.exit("Verdicts were lost." if lost else "None waited: nothing is shown of verdicts.")


def _ready(machine: Machine) -> None:
    active = "systemctl is-active sered"
    eventually(lambda: machine.run(active, check=False).out == "active", BOOT_S, "READY")


def _missing(machine: Machine, around: Surroundings, expected: set[str]) -> set[str]:
    """Verdicts that the box does not have any more: nothing waits in it, and they did not come."""
    eventually(around.statuses, BOOT_S, "the box at the broker")
    show = "sered config show; cat /etc/sered/mqtt-password"
    settings = machine.run(show, timeout_s=BOOT_S).out
    assert 'device = "card"' in settings
    assert "dahlia-91" in settings
    state = "systemctl show --value --property=StatusText sered"
    eventually(
        lambda: expected <= set(around.calls()) or " 0 waiting." in machine.run(state).out,
        BOOT_S,
        "the verdicts, or a box in which none waits",
    )
    with contextlib.suppress(TimeoutError):
        eventually(lambda: expected <= set(around.calls()), 30, "what is on its way")
    return expected - set(around.calls())


def again(arch: str, folder: Path) -> None:
    """The last moment's disk, with what its cache lost, gets power once more."""
    port, moments = kept(folder)
    moment = moments[-1]
    # the first start's log is what the other steps go on from
    card = Card(arch, folder, logged="again.log")
    subprocess.run(["cp", "--sparse=always", folder / "before.img", card.disk], check=True)
    _, gone = writes.cut(folder / "writes.log", moment.entries, card.disk, random.Random())
    expected = set(moment.ended)
    around = Surroundings(folder / f"again-{free_port()}", port=port)
    try:
        around.on()
        card.power()
        say("power to READY", card.wait("service.ready", BOOT_S), card.stamp("service.ready"))
        eventually(lambda: expected <= set(around.calls()), VERDICT_S, f"{len(expected)} verdicts")
        say("power to the last verdict that waited", time.monotonic() - card.powered_at)
        print(f"{gone} writes were lost, {len(expected)} verdicts waited, all came", flush=True)
        print(f"they are {around.calls()}", flush=True)
        card.wait("The page is on port", BOOT_S)
        looked_at(card)
    finally:
        card.off()
        card.writes.unlink(missing_ok=True)
        around.off()


def upgrade(folder: Path, dist: Path) -> None:
    """Up to a newer package, and back from one that dies as it listens."""
    port, _ = kept(folder)
    if not (folder / "cut.img").exists():
        sys.exit(f"{folder} has no cut.img: the step cuts makes it, run that first.")
    package = max(dist.glob("sered_*_amd64.deb"), key=lambda path: path.stat().st_mtime)
    packages = folder / "packages"
    subprocess.run(["rm", "-rf", packages], check=True)
    source = debs.checkout(packages / "checkout", "0.9.1")
    debs.like(package, source, "0.9.1", packages)
    debs.number(source, "0.9.2")
    debs.break_it(source)
    debs.like(package, source, "0.9.2", packages)
    with a_bus(), island(f"card-{free_port()}") as network:
        around = Surroundings(folder / f"upgrade-{free_port()}", network, port)
        around.on()
        try:
            with box(folder / "cut.img", folder / "mounted", network, packages) as machine:
                _ready(machine)
                install = "apt-get install -y /mnt/sered_{}_amd64.deb 2>&1"
                said = machine.run(install.format("0.9.1"), timeout_s=BOOT_S).out
                assert "is well" in said, said
                print(next(line for line in said.splitlines() if "is well" in line))
                refused = machine.run(install.format("0.9.2"), check=False, timeout_s=BOOT_S)
                assert refused.status != 0
                assert "Back to 0.9.1-" in refused.out, refused.out
                assert machine.run("sered --version").out == "sered 0.9.1"
                closed = "findmnt -no OPTIONS / | cut -d, -f1"
                eventually(
                    lambda: machine.run(closed).out == "ro", BOOT_S, "a closed root file system"
                )
                print("went up to 0.9.1, and back to it from 0.9.2; closed again", flush=True)
        finally:
            around.off()
