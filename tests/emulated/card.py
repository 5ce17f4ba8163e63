"""A copy of the card's image in an emulated machine: files put on it, power, console, SSH."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from broker import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 1 << 20
_LARGER = 1024 * MIB
"""What the copy has beyond the image, for its last partition to grow into."""
_MACHINES = {
    "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72"],
    "amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"],
}
# The guest's clock runs by its own instructions, two nanoseconds each, as on a processor that does
# 500 million a second: however slowly they are emulated, sound is never late for it.
_CLOCK = ["-accel", "tcg,thread=single,tb-size=512", "-icount", "shift=1", "-rtc", "clock=vm"]
_CONSOLES = {"arm64": "ttyAMA0", "amd64": "ttyS0"}
HOST = "10.0.2.2"
"""This machine's loopback, as the emulated one reaches it."""


def eventually(true: Callable[[], object], within_s: float, what: str) -> float:
    """Wait until it holds; seconds that took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within_s:
            msg = f"waited {within_s:.0f} s in vain for {what}"
            raise TimeoutError(msg)
        time.sleep(1.0)
    return time.monotonic() - began


@dataclass
class Card:
    """One copy of an image; `folder` holds it, its key, its console and the log of its writes.

    `logged` is that log's name there.
    """

    arch: str
    folder: Path
    port: int = field(default_factory=free_port)
    logged: str = "writes.log"
    powered_at: float = 0.0
    _machine: subprocess.Popen[bytes] | None = None
    _read: int = 0

    @classmethod
    def of(cls, image: Path, arch: str, folder: Path) -> Card:
        """A copy of an image, on a larger card, and a key for it."""
        card = cls(arch, folder)
        subprocess.run(["cp", "--sparse=always", image, card.disk], check=True)
        with card.disk.open("r+b") as file:
            file.truncate(image.stat().st_size + _LARGER)
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
        subprocess.run([*make, f"{folder}/key"], check=True)
        for name in ("vmlinuz", "initrd.img"):
            card._take(name)
        card.log.touch()
        return card

    @property
    def disk(self) -> Path:
        """The copy."""
        return self.folder / "card.img"

    @property
    def log(self) -> Path:
        """Its console's."""
        return self.folder / "console.log"

    @property
    def writes(self) -> Path:
        """The log of its writes since the power came on."""
        return self.folder / self.logged

    def _take(self, name: str) -> None:
        """Kernel and initrd by whatever name the boot partition has them."""
        boot = boot_of(self.disk)
        listed = subprocess.check_output(["mdir", "-b", "-i", boot], text=True).split()
        (path,) = (each for each in listed if each[3:].startswith(name))
        subprocess.run(["mcopy", "-o", "-i", boot, path, self.folder / name], check=True)

    def put(self, files: Mapping[str, str]) -> None:
        """Files onto the boot partition, as a person's computer does."""
        for name, text in files.items():
            (self.folder / "put").write_text(text, encoding="utf-8")
            put = ["mcopy", "-o", "-i", boot_of(self.disk), f"{self.folder}/put", f"::{name}"]
            subprocess.run(put, check=True)

    def plug_in(self, files: Mapping[str, Path]) -> None:
        """Files into /etc of its root file system: what stands for a sound card."""
        start, _ = parts(self.disk)[1]
        script = "".join(
            f"cd {Path('/etc', name).parent}\nwrite {path} {Path(name).name}\n"
            for name, path in files.items()
        )
        (self.folder / "script").write_text(script)
        command = ["debugfs", "-w", "-f", f"{self.folder}/script", f"{self.disk}?offset={start}"]
        subprocess.run(command, check=True, capture_output=True)

    def power(self) -> None:
        """On; what it writes is logged anew."""
        self.writes.unlink(missing_ok=True)
        self.writes.touch()
        # a loaded machine loses the ticks by which a kernel judges its timer
        line = f"console={_CONSOLES[self.arch]} root=LABEL=sered-root ro panic=10 no_timer_check"
        # its journal is in memory: what the service says is heard at the console
        line += " systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"
        line += " systemd.show_status=0 loglevel=4"
        command: list[str] = [
            *_MACHINES[self.arch], *_CLOCK, "-m", "1024", "-nographic",
            "-no-reboot", "-kernel", f"{self.folder}/vmlinuz",
            "-initrd", f"{self.folder}/initrd.img", "-append", line,
            "-blockdev", f"driver=file,node-name=disk,filename={self.disk}",
            "-blockdev", f"driver=file,node-name=log,filename={self.writes},cache.no-flush=on",
            "-blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log,"
            "log-super-update-interval=1",
            "-device", "virtio-blk-pci,drive=logged,write-cache=on",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=",
        ]  # fmt: skip
        self._read = self.log.stat().st_size
        self.powered_at = time.monotonic()
        with self.log.open("ab") as console:
            self._machine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def said(self) -> str:
        """What the console has said since the power came on; RuntimeError where it went off."""
        with self.log.open("rb") as console:
            console.seek(self._read)
            said = console.read().decode(errors="replace")
        if self._machine is not None and self._machine.poll() is not None:
            msg = f"the machine ended by itself, its last words:\n{said[-3000:]}"
            raise RuntimeError(msg)
        return said

    def stamp(self, of: str) -> float:
        """Seconds on its own clock at which the console said it first; 0 where it has not."""
        found = re.search(rf"^\[ *(\d+\.\d+)\].*{re.escape(of)}", self.said(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def ended(self) -> set[str]:
        """Calls whose verdict the service says that it has kept."""
        return set(re.findall(r"call\.ended line=\S+ call=(\S+)", self.said()))

    def wait(self, for_what: str, within_s: float) -> float:
        """Until the console says it; seconds since the power came on."""
        eventually(lambda: for_what in self.said(), within_s, f"{for_what!r} on the console")
        return time.monotonic() - self.powered_at

    def off(self) -> None:
        """The emulated machine ends at once, nothing is said goodbye to."""
        if self._machine is not None:
            self._machine.kill()
            self._machine.wait()
            self._machine = None

    def run(self, script: str, timeout_s: float = 3600.0) -> str:
        """What a script says as root in there; emulated, that takes long."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        options += ["-o", "ConnectTimeout=900", "-o", "LogLevel=ERROR"]
        command = ["ssh", "-i", f"{self.folder}/key", "-p", f"{self.port}", *options]
        done = subprocess.run(
            [*command, "admin@127.0.0.1", "sudo", "bash", "-s"],
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            msg = f"{script}\n{done.stdout}\n{done.stderr}"
            raise RuntimeError(msg)
        return done.stdout.strip()


def parts(disk: Path) -> list[tuple[int, int]]:
    """Where each partition begins and how long it is, in bytes."""
    found = json.loads(subprocess.check_output(["sfdisk", "--json", disk]))
    table = found["partitiontable"]["partitions"]
    return [(int(each["start"]) * 512, int(each["size"]) * 512) for each in table]


def boot_of(disk: Path) -> str:
    """The boot partition, as mtools want it named."""
    return f"{disk}@@{parts(disk)[0][0]}"
