"""A small network of namespaces: each host has its own, joined by a bridge, and can be cut off."""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HUB = "10.77.0.1"
HOSTS = {
    name: f"10.77.0.{number}"
    for number, name in enumerate(
        ("rabbit1", "rabbit2", "rabbit3", "pg1", "pg2", "etcd1", "front", "central1", "central2"),
        start=11,
    )
}
_INSIDE = "SERED_CLUSTER_INSIDE"
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of linux/sched.h; Python 3.11 has no name for it."""


def apart(arguments: list[str]) -> None:
    """Begin again with mounts of our own, which vanish with us; the network stays."""
    environment = {**os.environ, _INSIDE: "mounts"}
    os.execvpe("unshare", ["unshare", "--mount", *arguments], environment)


def leave() -> None:
    """From here on this process has a network of its own, and nothing else of the machine's."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare: no network of our own")


def inside() -> bool:
    """Whether this process is in namespaces of its own: network, mounts and processes."""
    return _INSIDE in os.environ


def enter(arguments: list[str]) -> None:
    """Begin again in namespaces that vanish with this process, and everything in them."""
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    environment = {**os.environ, _INSIDE: "1"}
    os.execvpe("unshare", ["unshare", *flags, *arguments], environment)


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
    names = {"localhost": "127.0.0.1", "hub": HUB, **HOSTS}
    hosts = folder / "etc-hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()))
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
