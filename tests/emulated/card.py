"""A copy of the card's image in an emulated machine: files put on it, power, a shell by SSH."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MIB = 1 << 20
_LARGER = 1024 * MIB
"""What the copy has beyond the image, for its last partition to grow into."""
_MACHINES = {
    "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72"],
    "amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"],
}
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
    """One copy of an image; `folder` holds it, its key and its console's log."""

    image: Path
    arch: str
    folder: Path
    disk: Path = field(init=False)
    port: int = field(default_factory=free_port)
    _machine: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.disk = self.folder / "card.img"
        subprocess.run(["cp", "--sparse=always", self.image, self.disk], check=True)
        with self.disk.open("r+b") as file:
            file.truncate(self.image.stat().st_size + _LARGER)
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
        subprocess.run([*make, f"{self.folder}/key"], check=True)
        for name in ("vmlinuz", "initrd.img"):
            self._take(name)

    @property
    def _boot(self) -> str:
        found = subprocess.check_output(["sfdisk", "--json", self.disk])
        start = int(json.loads(found)["partitiontable"]["partitions"][0]["start"]) * 512
        return f"{self.disk}@@{start}"

    def _take(self, name: str) -> None:
        """Kernel and initrd by whatever name the boot partition has them."""
        listed = subprocess.check_output(["mdir", "-b", "-i", self._boot], text=True).split()
        (path,) = (each for each in listed if each[3:].startswith(name))
        subprocess.run(["mcopy", "-o", "-i", self._boot, path, self.folder / name], check=True)

    def put(self, files: Mapping[str, str]) -> None:
        """Files onto the boot partition, as a person's computer does."""
        for name, text in files.items():
            (self.folder / "put").write_text(text, encoding="utf-8")
            put = ["mcopy", "-o", "-i", self._boot, f"{self.folder}/put", f"::{name}"]
            subprocess.run(put, check=True)

    def read(self, name: str) -> str:
        """A file of the boot partition, while the power is off; empty where there is none."""
        done = subprocess.run(
            ["mtype", "-i", self._boot, f"::{name}"], capture_output=True, text=True, check=False
        )
        return done.stdout

    def power(self) -> None:
        """On."""
        # a loaded machine loses the ticks by which a kernel judges its timer
        line = f"console={_CONSOLES[self.arch]} root=LABEL=sered-root ro panic=10 no_timer_check"
        command: list[str] = [
            *_MACHINES[self.arch], "-smp", "2", "-m", "1024", "-nographic", "-no-reboot",
            "-kernel", f"{self.folder}/vmlinuz", "-initrd", f"{self.folder}/initrd.img",
            "-append", line, "-drive", f"file={self.disk},format=raw,if=virtio",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22",
            "-device", "virtio-net-pci,netdev=net",
        ]  # fmt: skip
        with (self.folder / "console.log").open("ab") as console:
            self._machine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def cut(self) -> None:
        """The plug is pulled: nothing that the machine still held in memory gets anywhere."""
        assert self._machine is not None
        self._machine.kill()
        self._machine.wait()
        self._machine = None

    def run(self, script: str, *, check: bool = True, timeout_s: float = 600.0) -> str:
        """What a script says as root in there."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        options += ["-o", "ConnectTimeout=60", "-o", "LogLevel=ERROR"]
        command = ["ssh", "-i", f"{self.folder}/key", "-p", f"{self.port}", *options]
        done = subprocess.run(
            [*command, "admin@127.0.0.1", "sudo", "bash", "-s"],
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode != 0:
            msg = f"{script}\n{done.stdout}\n{done.stderr}"
            raise RuntimeError(msg)
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether somebody with the key gets in."""
        return self.run("echo in", check=False) == "in"
