"""`make test-image`: the card's image in an emulated machine: verdicts, cuts, upgrade.

Steps, each going on from what the one before left in the folder: `start` emulates the first start
until verdicts wait for a broker, and logs every write; `cuts` takes the power away at moments of
that log, random ones, and starts what is left as a container; `again` emulates a start of the last
of these; `upgrade` goes up to a newer package and back from a broken one there.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from broker import free_port
from emulated import writes
from emulated.box import Surroundings, box, island
from emulated.card import HOST, Card, eventually
from project import ROOT
from system import debs
from system.machine import a_bus

if TYPE_CHECKING:
    from collections.abc import Callable

_CONFIGURATION = """\
site = "emulated"
device = "card"
page_port = 80
[[line]]
card = "pcm:tap"
rate_hz = 8000
[calls]
hang_over_s = 5.0
[mqtt]
host = "{host}"
port = {port}
insecure = true
# by the card's clock, which is slower than the broker's
keepalive_s = 1800
username = "card"
"""
_NETWORK = 'hostname = "desk-7"\ntime_zone = "Europe/Berlin"\n'
# a card that keeps time by the kernel's clock (no kernel of Debian for arm64 has snd-dummy), and
# hears a recording
_ASOUND = """\
pcm.tap { type file slave.pcm "hw:Loopback,1" file "/dev/null" infile "/etc/calls.raw" format "raw"
  hint { show on description "tap" } }
"""
_CALLS = 12
"""In the recording that is heard once."""
_PAUSE_S = 12.0
_BOOT_S = 1500.0
_VERDICT_S = 1800.0
_LOOK = """\
hostname; readlink /etc/localtime; findmnt -no OPTIONS /; df --output=size /data | tail -n 1
ls /boot/firmware/sered-mqtt-password /var/log/journal 2>/dev/null | wc -l
grep -c 'taken over' /boot/firmware/sered-says.txt
passwd -S admin; passwd -S root
systemctl --failed --no-legend | wc -l
token=$(grep -o 'token=[A-Za-z0-9_-]*' /boot/firmware/sered-says.txt | tail -n 1)
for path in / "/?$token"; do python3 -c "import http.client, sys
page = http.client.HTTPConnection('127.0.0.1')
page.request('GET', sys.argv[1])
print(page.getresponse().status)" "$path"; done
systemd-analyze; free -m
began=$(cut -d. -f1 /proc/uptime)
sered diagnose --only whole | tail -n 4
echo "the demo judged whole beside the service: $(($(cut -d. -f1 /proc/uptime) - began)) s"
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """When the plug might have been pulled: seconds, writes by then, verdicts kept by then."""

    at_s: float
    entries: int
    ended: tuple[str, ...]


def main() -> None:
    """The steps in turn, each with what it took; exit status 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--arch", default="arm64")
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument(
        "--waiting", type=int, default=4, help="verdicts kept before there is a broker"
    )
    parser.add_argument("--steps", default="")
    given = parser.parse_args()
    steps = given.steps or ("start cuts again upgrade" if given.arch == "amd64" else "start again")
    folder = given.image.parent / f"tried-{given.arch}"
    folder.mkdir(exist_ok=True)
    for step in steps.split():
        print(f"== {step}", flush=True)
        if step == "start":
            _start(given.image, given.arch, folder, given.waiting)
        elif step == "cuts":
            _cuts(folder, given.cuts)
        elif step == "again":
            _again(given.arch, folder)
        else:
            _upgrade(folder, given.image.parent)


def _start(image: Path, arch: str, folder: Path, waiting: int) -> None:
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir()
    card, around = Card.of(image, arch, folder), Surroundings(folder / "broker")
    card.put(
        {
            "sered.toml": _CONFIGURATION.format(host=HOST, port=around.port),
            "sered-mqtt-password": "dahlia-91\n",
            "network.toml": _NETWORK,
            "authorized_keys": (folder / "key.pub").read_text(),
        }
    )
    card.plug_in(_a_tap(folder))
    subprocess.run(["cp", "--sparse=always", card.disk, folder / "before.img"], check=True)
    moments: list[Moment] = []
    try:
        card.power()
        for what, line, true, within_s in (
            ("READY", "service.ready", lambda: "service.ready" in card.said(), _BOOT_S),
            ("the first verdict kept, no broker there", "call.ended", card.ended, _VERDICT_S),
            (f"{waiting} verdicts kept", "", lambda: len(card.ended()) >= waiting, _VERDICT_S),
        ):
            _watch(card, moments, true, within_s, what)
            own = card.stamp(line) if line else 0.0
            _say(f"power to {what}", time.monotonic() - card.powered_at, own)
        around.on()
        expected = card.ended()
        eventually(lambda: expected <= set(around.calls()), _VERDICT_S, "the verdicts")
        _say("power to all of them at the broker", time.monotonic() - card.powered_at)
        print(f"they are {around.calls()}", flush=True)
        assert int(_looked_at(card)) > 0, "nothing was taken over"
    finally:
        kept = {"port": around.port, "moments": [*map(asdict, moments)]}
        (folder / "moments.json").write_text(json.dumps(kept))
        card.off()
        around.off()
    print(f"{len(moments)} moments, {writes.count(card.writes)} writes", flush=True)


def _watch(
    card: Card,
    moments: list[Moment],
    true: Callable[[], object],
    within_s: float,
    what: str,
) -> None:
    """Until it holds; meanwhile random moments are noted at which the power might fail."""
    chance, end = random.Random(), time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            msg = f"waited {within_s:.0f} s in vain for {what}:\n{card.said()[-3000:]}"
            raise TimeoutError(msg)
        time.sleep(chance.uniform(1, 6))
        # in this order: what was said to be kept was written before
        ended, at_s = tuple(sorted(card.ended())), time.monotonic() - card.powered_at
        moments.append(Moment(at_s, writes.count(card.writes), ended))


def _looked_at(card: Card) -> str:
    """What the first start was to do is done; how many files this start took over."""
    said = card.run(_LOOK)
    print(said, flush=True)
    name, zone, root, size, left, taken, admin, super_user, failed = said.splitlines()[:9]
    # without the token the page is shut, with it the way in
    assert said.splitlines()[9:11] == ["403", "303"]
    assert name == "desk-7"
    assert "Berlin" in zone
    assert root.startswith("ro")
    assert int(size) > 1_000_000, "the last partition did not grow"
    assert left == "0", "a secret is still on the boot partition, or a journal on the disk"
    assert {admin.split()[1], super_user.split()[1]} == {"L"}
    assert failed == "0"
    return taken


def _a_tap(folder: Path) -> dict[str, Path]:
    """A recording of calls between which a line hums a little, and the card that hears it."""
    with wave.open(str(ROOT / "device/sered/demo/call.wav")) as call:
        sound = np.frombuffer(call.readframes(call.getnframes()), np.int16)
        pause = int(_PAUSE_S * call.getframerate()) * call.getnchannels()
    hum = np.random.default_rng(0).integers(-8, 9, pause).astype(np.int16)
    (folder / "calls.raw").write_bytes(np.concatenate([hum, sound]).tobytes() * _CALLS)
    (folder / "asound.conf").write_text(_ASOUND)
    (folder / "modules").write_text("snd-aloop\n")
    return {
        "calls.raw": folder / "calls.raw",
        "asound.conf": folder / "asound.conf",
        "modules-load.d/tap.conf": folder / "modules",
    }


def _cuts(folder: Path, cuts: int) -> None:
    kept = json.loads((folder / "moments.json").read_text())
    moments = [Moment(**each) for each in kept["moments"]]
    early = [each for each in moments if not each.ended]
    late = [each for each in moments if each.ended]
    chance = random.Random()
    # three of ten while the box becomes somebody and hears its first call, the others while
    # verdicts wait
    few = min(max(cuts * 3 // 10, cuts - len(late)), len(early))
    taken = chance.sample(early, few) + chance.sample(late, cuts - few)
    disk, lost, waited = folder / "cut.img", 0, 0
    with a_bus(), island(f"card-{free_port()}") as network:
        for number, moment in enumerate(sorted(taken, key=lambda each: each.entries), 1):
            subprocess.run(["cp", "--sparse=always", folder / "before.img", disk], check=True)
            stood, gone = writes.cut(folder / "writes.log", moment.entries, disk, chance)
            around = Surroundings(folder / f"cut-{number}", network, kept["port"])
            expected = set(moment.ended)
            around.on()
            try:
                took, missing = _delivered(disk, folder / "mounted", network, around, expected)
            finally:
                around.off()
            waited, lost = waited + len(expected), lost + len(missing)
            print(
                f"cut {number}, {moment.at_s:.0f} s after power: {stood} writes stood, {gone} did"
                f" not; READY {took:.0f} s after a start; {len(expected)} verdicts waited,"
                f" {len(around.calls())} came, {len(missing)} lost",
                flush=True,
            )
    print(f"{cuts} power cuts, {waited} verdicts waited, {lost} lost", flush=True)
    if lost or not waited:
        sys.exit("Verdicts were lost." if lost else "None waited: nothing is shown of verdicts.")


def _delivered(
    disk: Path, folder: Path, network: str, around: Surroundings, expected: set[str]
) -> tuple[float, set[str]]:
    """A start of what a cut left: seconds to READY, and verdicts that did not come in a minute."""
    began = time.monotonic()
    with box(disk, folder, network) as machine:
        try:
            active = "systemctl is-active sered"
            eventually(lambda: machine.run(active, check=False).out == "active", 120, "READY")
            took = time.monotonic() - began
            eventually(around.statuses, 60, "the box at the broker")
            settings = machine.run("sered config show; cat /etc/sered/mqtt-password").out
            assert 'device = "card"' in settings
            assert "dahlia-91" in settings
            eventually(lambda: expected <= set(around.calls()), 60, "the verdicts")
        except TimeoutError:
            print(machine.run("journalctl -u sered-card -u sered-first-boot -u sered").out)
            raise
    return took, expected - set(around.calls())


def _again(arch: str, folder: Path) -> None:
    """The last moment's disk, with what its cache lost, gets power once more."""
    kept = json.loads((folder / "moments.json").read_text())
    moment = Moment(**kept["moments"][-1])
    card = Card(arch, folder)
    subprocess.run(["cp", "--sparse=always", folder / "before.img", card.disk], check=True)
    _, gone = writes.cut(folder / "writes.log", moment.entries, card.disk, random.Random())
    expected = set(moment.ended)
    around = Surroundings(folder / f"again-{free_port()}", port=kept["port"])
    try:
        around.on()
        card.power()
        _say("power to READY", card.wait("service.ready", _BOOT_S), card.stamp("service.ready"))
        eventually(lambda: expected <= set(around.calls()), _VERDICT_S, f"{len(expected)} verdicts")
        _say("power to the last verdict that waited", time.monotonic() - card.powered_at)
        print(f"{gone} writes were lost, {len(expected)} verdicts waited, all came", flush=True)
        print(f"they are {around.calls()}", flush=True)
        card.wait("The page is on port", _BOOT_S)
        _looked_at(card)
    finally:
        card.off()
        around.off()


def _upgrade(folder: Path, dist: Path) -> None:
    """Up to a newer package, and back from one that dies as it listens."""
    package = max(dist.glob("sered_*_amd64.deb"), key=lambda path: path.stat().st_mtime)
    packages = folder / "packages"
    subprocess.run(["rm", "-rf", packages], check=True)
    source = debs.checkout(packages / "checkout", "0.9.1")
    debs.like(package, source, "0.9.1", packages)
    debs.number(source, "0.9.2")
    debs.break_it(source)
    debs.like(package, source, "0.9.2", packages)
    port = json.loads((folder / "moments.json").read_text())["port"]
    with a_bus(), island(f"card-{free_port()}") as network:
        around = Surroundings(folder / f"upgrade-{free_port()}", network, port)
        around.on()
        try:
            with box(folder / "cut.img", folder / "mounted", network, packages) as machine:
                active = "systemctl is-active sered"
                eventually(lambda: machine.run(active, check=False).out == "active", 120, "READY")
                install = "apt-get install -y /mnt/sered_{}_amd64.deb 2>&1"
                said = machine.run(install.format("0.9.1"), timeout_s=900).out
                assert "is well" in said, said
                print(next(line for line in said.splitlines() if "is well" in line))
                refused = machine.run(install.format("0.9.2"), check=False, timeout_s=900)
                assert refused.status != 0
                assert "Back to 0.9.1-" in refused.out, refused.out
                assert machine.run("sered --version").out == "sered 0.9.1"
                closed = "findmnt -no OPTIONS / | cut -d, -f1"
                eventually(lambda: machine.run(closed).out == "ro", 60, "a closed root file system")
                print("went up to 0.9.1, and back to it from 0.9.2; closed again", flush=True)
        finally:
            around.off()


def _say(what: str, seconds: float, by_its_clock: float = 0.0) -> None:
    own = f", {by_its_clock:.0f} s by the card's own clock" if by_its_clock else ""
    print(f"{what}: {seconds:.0f} s{own}", flush=True)


if __name__ == "__main__":
    main()
