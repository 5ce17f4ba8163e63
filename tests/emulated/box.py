"""A card's disk in a container: its own root file system and partitions, this machine's kernel."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from broker import free_port
from emulated.card import HOST, boot_of, eventually, parts
from emulated.seen import BOOT_S
from system.machine import Disk, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def island(name: str) -> Iterator[str]:
    """A network of its own without a way out, in which HOST is the machine itself."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inside = ["ip", "-n", name]
        subprocess.run([*inside, "link", "set", "lo", "up"], check=True)
        subprocess.run([*inside, "address", "add", f"{HOST}/32", "dev", "lo"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextlib.contextmanager
def box(disk: Path, folder: Path, network: str, packages: Path | None = None) -> Iterator[Machine]:
    """The disk's file systems mounted as fstab has them, after what a journal mends, and booted.

    What fails in there is explained by its journal.
    """
    root, data, boot = (folder / name for name in ("root", "data", "boot"))
    # what one that failed left; nothing of what is still mounted
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)
    for each in (root, data, boot):
        each.mkdir(parents=True)
    subprocess.run(["mcopy", "-s", "-n", "-i", boot_of(disk), "::*", boot], check=True)
    with _mounted(disk, 1, root), _mounted(disk, 2, data):
        # a container has no partitions to look for; they are mounted already
        table = (root / "etc/fstab").read_text().splitlines(keepends=True)
        (folder / "fstab").write_text("".join(x for x in table if not x.startswith("LABEL=")))
        subprocess.run(["mount", "-o", "remount,ro", root], check=True)
        binds = [f"--bind={data}:/data", f"--bind={boot}:/boot/firmware"]
        binds += [f"--bind-ro={folder / 'fstab'}:/etc/fstab"]
        binds += [f"--bind-ro={packages}:/mnt"] if packages else []
        lonely = f"--network-namespace-path=/run/netns/{network}"
        machine = Machine(Disk(root, root, ()), (lonely, *binds))
        try:
            # a first start makes keys and lets everything reach the disk
            machine.boot(within_s=BOOT_S)
            yield machine
        except (AssertionError, TimeoutError):
            journal = "journalctl -u sered-card -u sered-first-boot -u sered"
            print(machine.run(journal, check=False).out, flush=True)
            raise
        finally:
            machine.power_off()
    shutil.rmtree(folder)


@contextlib.contextmanager
def _mounted(disk: Path, number: int, at: Path) -> Iterator[None]:
    start, size = parts(disk)[number]
    options = f"loop,offset={start},sizelimit={size}"
    subprocess.run(["mount", "-t", "ext4", "-o", options, disk, at], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", at], check=True)


class Surroundings:
    """A broker and a subscriber that keeps what it got; `network`: where they live."""

    def __init__(self, folder: Path, network: str = "", port: int = 0) -> None:
        folder.mkdir()
        self.port = port or free_port()
        self._folder = folder
        self._address = HOST if network else "127.0.0.1"
        self._inside = ["ip", "netns", "exec", network] if network else []
        settings = f"listener {self.port} {self._address}\nallow_anonymous true\nuser root\n"
        settings += f"persistence true\npersistence_location {folder}/\n"
        (folder / "mosquitto.conf").write_text(settings)
        (folder / "received").touch()
        self._running: list[subprocess.Popen[bytes]] = []

    def on(self) -> None:
        """Broker and subscriber."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
        if not program:
            sys.exit("make test-image needs mosquitto (apt install mosquitto).")
        broker = [*self._inside, program, "-c", f"{self._folder}/mosquitto.conf"]
        self._running = [subprocess.Popen(broker)]
        place = ["-h", self._address, "-p", f"{self.port}"]
        reach = [*self._inside, "mosquitto_pub", *place, "-t", "test", "-n"]
        eventually(
            lambda: subprocess.run(reach, check=False, stderr=subprocess.DEVNULL).returncode == 0,
            60,
            "a broker",
        )
        ask = [*self._inside, "mosquitto_sub", *place, "-q", "1", "-c", "-i", "test"]
        with (self._folder / "received").open("ab") as out:
            ask += ["-t", "sered/+/+/calls", "-t", "sered/+/+/status", "-F", "%j"]
            self._running.append(subprocess.Popen(ask, stdout=out))

    def off(self) -> None:
        """Both."""
        for each in reversed(self._running):
            each.terminate()
            each.wait()
        self._running = []

    def _got(self, leaf: str) -> list[dict[str, object]]:
        text = (self._folder / "received").read_text()
        got = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        said = [each["payload"] for each in got if each["topic"].endswith(leaf)]
        return [json.loads(each) if isinstance(each, str) else each for each in said if each]

    def calls(self) -> dict[str, str]:
        """What each call that arrived came to, by its id."""
        return {str(each["call_id"]): _told(each["sentiment"]) for each in self._got("/calls")}

    def statuses(self) -> list[str]:
        """What the box has said of itself so far."""
        return [str(each["state"]) for each in self._got("/status")]


def _told(sentiment: object) -> str:
    if not isinstance(sentiment, dict):
        return "no verdict"
    category = sentiment["category"] or f"undetermined ({sentiment['undetermined']})"
    return f"{category} {sentiment['score']:+.3f}"
