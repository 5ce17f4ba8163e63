"""`make cluster-recipe`: docs/central-scale.md's recipe, word by word, on twelve booted machines.

Only what a machine cannot fetch from within a network of its own is there before: Debian's packages
and central's libraries, which the recipe's own lines then find installed. Nothing is changed in the
blocks; of the files only HAProxy's `maxconn`, for which a test machine may have too few files. Then
a call goes the whole way, a box is shut out by the button, a site is alone for a day, and each host
is brought up to a new version while calls come in.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import left, net, rogue, upgrade, wan
from cluster.net import HOSTS, Host
from project import ROOT
from system.desk import CHECKOUT, put_checkout
from system.machine import CACHE, Disk, Machine, a_bus, disk_like, seed

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs/central-scale.md"
RECIPE, UPGRADE = "The recipe", "A new version, host by host"
_PACKAGES = {
    "etcd": "etcd-server",
    "front": "haproxy keepalived",
    "rabbit": "rabbitmq-server curl openssl",
    "pg": "patroni python3-etcd postgresql",
}
_LONGEST_S = 900.0
_BOOT_S = 300.0


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of the page, and the hosts that they are for."""

    hosts: tuple[str, ...]
    script: str


def blocks(page: str, heading: str) -> list[Block]:
    """Every block below a heading; raises ValueError where one is no shell or names no host."""
    recipe = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    fences = re.findall(r"(?m)^ *```(.*)$", recipe)
    if fences != ["sh", ""] * (len(fences) // 2):
        msg = f"A block of the recipe is no shell, and would be passed over: {fences}"
        raise ValueError(msg)
    found = []
    for script in re.findall(r"```sh\n(.*?)```", recipe, re.DOTALL):
        hosts = tuple(script.partition("\n")[0].removeprefix("#").split())
        if not hosts or not set(hosts) <= set(HOSTS):
            msg = f"A block of the recipe begins without its hosts: {script[:60]}"
            raise ValueError(msg)
        found.append(Block(hosts, script))
    return found


def kind(host: str) -> str:
    """What sort of host it is."""
    return host.rstrip("0123456789")


def layers() -> dict[str, tuple[Path, ...]]:
    """Of each kind of host the disk below it: Debian 13, and what it would fetch; made once."""
    lower = seed("trixie")
    return {of: (_kept(of, lower), lower) for of in sorted({kind(name) for name in HOSTS})}


def _kept(of: str, lower: Path) -> Path:
    wanted = _fetching(of)
    kept = CACHE / f"recipe-{of}"
    said = kept / ".made-by"
    if not said.exists() or said.read_text() != wanted:
        shutil.rmtree(kept, ignore_errors=True)
        with disk_like((lower,), kept) as disk:
            _fetched(disk, wanted)
            shutil.rmtree(made := CACHE / f".new-{of}", ignore_errors=True)
            # what was deleted from the layer below is a device, which copytree would not copy
            subprocess.run(["cp", "-a", disk.upper, made], check=True)
        (made / ".made-by").write_text(wanted)
        made.rename(kept)
    return kept


def _fetching(of: str) -> str:
    """The shell that puts on a disk what hosts of this kind find installed."""
    update = "export DEBIAN_FRONTEND=noninteractive; apt-get update -q;"
    install = "apt-get install -yq --no-install-recommends"
    if of != "central":
        return f"{update} {install} {_PACKAGES[of]} && apt-get clean"
    library = f". {ROOT}/systemd/lib.sh; id_of {ROOT}"
    version = subprocess.run(["bash", "-c", library], check=True, capture_output=True, text=True)
    return (
        f"{update} {install} make && cd {CHECKOUT} && make --no-print-directory install-central &&"
        f" apt-get clean && rm -r /etc/sered-central && : {version.stdout}"
    )


def _fetched(disk: Disk, wanted: str) -> None:
    disk.lend_the_network()
    cache = CACHE / "pip"
    cache.mkdir(parents=True, exist_ok=True)
    put_checkout(disk)
    bound = f"--bind={cache}:/var/cache/pip"
    Machine(disk).run_unbooted(wanted, bound, "--setenv=PIP_CACHE_DIR=/var/cache/pip")
    shutil.rmtree(disk.root / CHECKOUT[1:])


class Hosts:
    """Twelve machines on one bridge."""

    def __init__(self, work: Path, layers: dict[str, tuple[Path, ...]]) -> None:
        self._stack = contextlib.ExitStack()
        self._run = work.name
        self.machines: dict[str, Machine] = {}
        try:
            for name in HOSTS:
                disk = self._stack.enter_context(disk_like(layers[kind(name)], work / name))
                self.machines[name] = self._booted(name, disk)
        except BaseException:
            self.off()
            raise

    def _booted(self, name: str, disk: Disk) -> Machine:
        put_checkout(disk)
        front = disk.root / CHECKOUT[1:] / "docs/cluster/haproxy.cfg"
        front.write_text(front.read_text().replace("maxconn 120000", "maxconn 4000"))
        disk.write("/etc/hosts", "".join(f"{at} {one}\n" for one, at in net.NAMES.items()))
        disk.write("/etc/hostname", f"{name}\n")
        host = Host(name)
        self._stack.callback(host.end)
        # keepalived gives its host an address, which a container may not without
        may = "--capability=CAP_NET_ADMIN"
        options = (f"--network-namespace-path={host.namespace}", f"--machine={name}", may)
        machine = Machine(disk, options, before=_apart(self._run, name))
        self._stack.callback(machine.power_off)
        machine.boot(_BOOT_S)
        return machine

    def follow(self, block: Block) -> None:
        """Run a block on each of its hosts, one after the other."""
        for name in block.hosts:
            began = time.monotonic()
            script = f"set -e; cd {CHECKOUT}\n{block.script}"
            ended = self.machines[name].run(script, check=False, timeout_s=_LONGEST_S)
            if ended.status:
                sys.exit(f"{name}: {script}\n{ended.out}\n{ended.err}\n{self._words(name)}")
            first = block.script.splitlines()[1]
            print(f"{name}: {first[:60]} ... {time.monotonic() - began:.0f} s", flush=True)
        for folder in ("certificates", "hosts"):
            self._copied(folder)

    def _words(self, name: str) -> str:
        """What its services said last."""
        return self.machines[name].run("journalctl -n 60 -o cat --no-pager", check=False).out

    def _copied(self, folder: str) -> None:
        """As the page says: into the checkout of every other host, without the `ca.key`."""
        made = self.machines["central1"].disk.root / CHECKOUT[1:] / folder
        for name, machine in self.machines.items():
            there = machine.disk.root / CHECKOUT[1:] / folder
            if name != "central1" and made.exists() and not there.exists():
                shutil.copytree(made, there, ignore=shutil.ignore_patterns("ca.key"))

    def off(self) -> None:
        """The power switch of all."""
        self._stack.close()


def _apart(run: str, name: str) -> tuple[str, ...]:
    """What gives a machine a control group of its own: two systemds cannot share one."""
    there = [group / name for group in left.groups(run)]
    into = "".join(f"mkdir -p {path}; echo $$ > {path}/cgroup.procs; " for path in there)
    return "sh", "-c", f'{into}exec "$@"', "sh"


def follow(work: Path) -> None:
    """Build the machines, follow the page, and try what was built."""
    with contextlib.ExitStack() as stack:
        below = layers()
        print("every machine has what it would fetch", flush=True)
        net.leave()
        net.bridge(work)
        hosts = Hosts(work, below)
        stack.callback(hosts.off)
        page = PAGE.read_text()
        for block in blocks(page, RECIPE):
            hosts.follow(block)
        made = hosts.machines["central1"].disk.root / CHECKOUT[1:] / "certificates"
        rogue.a_call_goes_the_whole_way(made, hosts.machines["pg1"])
        shut_out_s = rogue.a_box_is_shut_out(made, hosts.machines)
        wan.a_site_is_alone_for_a_day(hosts.machines, work)
        upgrade.a_cluster_is_brought_up(hosts, work, blocks(page, UPGRADE))
        rogue.a_call_goes_the_whole_way(made, hosts.machines["pg1"], seed=2)
        assert shut_out_s < rogue.SHUT_OUT_S


def main() -> None:
    """As root; ends with 1 where a block fails, or what it built does not work."""
    if os.geteuid() != 0:
        sys.exit("make cluster-recipe boots machines: run it as root.")
    if not net.inside():
        net.enter([sys.executable, "-m", "cluster.recipe"], net=False)
    net.reap()
    with left.own_folder("followed", CACHE) as work, a_bus():
        follow(work)


if __name__ == "__main__":
    main()
