"""A small network of namespaces: each host has its own, joined by a bridge, and can be cut off."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HUB = "10.77.0.1"
FRONT = "10.77.0.10"
"""One of the two fronts has it beside its own."""
ETCD = ("etcd1", "etcd2", "etcd3")
FRONTS = ("front1", "front2")
RABBITS = ("rabbit1", "rabbit2", "rabbit3")
_ORDER = (*RABBITS, "pg1", "pg2", *ETCD, *FRONTS, "central1", "central2")
HOSTS = {name: f"10.77.0.{number}" for number, name in enumerate(_ORDER, start=11)}
NAMES = {"localhost": "127.0.0.1", "hub": HUB, "front": FRONT, **HOSTS}
"""What stands in everybody's /etc/hosts."""
_INSIDE = "SERED_CLUSTER_INSIDE"
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of linux/sched.h; Python 3.11 has no name for it."""
_PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h: the signal that comes when the parent has died."""


def leave() -> None:
    """From here on this process has a network of its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare: no network of our own")


def inside() -> bool:
    """Whether this process is in namespaces of its own: network, mounts and processes."""
    return _INSIDE in os.environ


def enter(arguments: list[str], *, net: bool = True) -> None:
    """Begin again in namespaces that vanish with this process, and everything in them.

    `net`: of the network too; else `leave` does that later. Who started this process takes it with
    him: `make` that is killed leaves no run behind.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    flags = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    environment = {**os.environ, _INSIDE: "1"}
    os.execvpe("unshare", ["unshare", *(["--net"] if net else []), *flags, *arguments], environment)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def reap() -> None:
    """Leave this namespace's first process to those whose parents were killed; a child goes on.

    A server that was killed is seen to be alive as long as nobody asked for its end.
    """
    child = os.fork()
    while child:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status))


def bridge(folder: Path) -> None:
    """The hub's end of the network, and every host's name."""
    _run("ip link set lo up")
    _run("ip link add br0 type bridge")
    _run(f"ip addr add {HUB}/24 dev br0")
    _run("ip link set br0 up")
    hosts = folder / "etc-hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in NAMES.items()))
    _run(f"mount --bind {hosts} /etc/hosts")


@dataclass
class Host:
    """One machine's network; what is started on it is killed with it."""

    name: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # it holds the namespace, and can give a name to the machine without touching ours
        command = ["unshare", "--net", "--uts", "sleep", "infinity"]
        self._holder = subprocess.Popen(command)
        self._link = f"v-{self.name}"
        mine = Path(f"/proc/{os.getpid()}/ns/net").readlink()
        theirs = Path(f"/proc/{self._holder.pid}/ns/net")
        while theirs.readlink() == mine:
            pass
        _run(f"ip link add {self._link} type veth peer name e-{self.name}")
        _run(f"ip link set {self._link} master br0 up")
        _run(f"ip link set e-{self.name} netns {self._holder.pid}")
        self.run(f"ip addr add {HOSTS[self.name]}/24 dev e-{self.name}")
        self.run(f"ip link set e-{self.name} up")
        self.run("ip link set lo up")
        self.run(f"hostname {self.name}")

    @property
    def namespace(self) -> str:
        """Where its network is found."""
        return f"/proc/{self._holder.pid}/ns/net"

    def end(self) -> None:
        """Give the namespace up; what runs in it keeps it until it ends."""
        self._holder.kill()
        self._holder.wait()

    def enter(self) -> list[str]:
        """What makes a command run here."""
        return ["nsenter", "-t", str(self._holder.pid), "--net", "--uts", "--"]

    def run(self, command: str) -> str:
        """Run it to its end."""
        return _run(*self.enter(), *command.split())

    def cut(self, *, off: bool) -> None:
        """Pull the cable, or put it in again."""
        _run(f"ip link set {self._link} {'down' if off else 'up'}")


def _run(*words: str) -> str:
    command = words[0].split() if len(words) == 1 else list(words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def until(true: Callable[[], object], within_s: float, what: str) -> float:
    """Wait until it holds; the seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"waited {within_s:.0f} s in vain for {what}"
        time.sleep(0.2)
    return time.monotonic() - began
