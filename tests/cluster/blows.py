"""What `make cluster` does to the cluster: one part at a time, and pairs."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from cluster.net import ETCD, FRONTS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.central import CentralHost
    from cluster.machines import Machine
    from cluster.run import Cluster

_FOR_S = 20.0


def events(cluster: Cluster) -> dict[str, list[Callable[[], None]]]:
    """What is done, one after the other."""
    m, c = cluster.machines, cluster.central

    def primary() -> Machine:
        return m[cluster.primary() or "pg1"]

    def dies(one: CentralHost, part: str) -> None:
        assert one.die(part), f"{one.name}: the {part} had nothing to do\n{one.words()}"

    def no_primary() -> None:
        was = primary()
        was.kill()
        until(lambda: cluster.primary() not in {None, was.name}, 400, "the next primary")

    def ingester(number: int) -> Callable[[], None]:
        return partial(dies, c[number], "ingest")

    def front() -> Machine:
        until(lambda: any(m[name].has_the_address() for name in FRONTS), 60, "a front")
        return next(m[name] for name in FRONTS if m[name].has_the_address())

    def leader() -> Machine:
        until(lambda: any(m[name].leads() for name in ETCD), 60, "a leader of etcd")
        return next(m[name] for name in ETCD if m[name].leads())

    def all_of_etcd() -> None:
        for name in ETCD:
            m[name].kill()

    away = partial(time.sleep, 2 * _FOR_S)
    return {
        "broker node killed": [m["rabbit1"].kill],
        "primary killed": [no_primary],
        "ingester killed between COMMIT and acknowledgement": [ingester(0)],
        "both ingesters killed so": [ingester(0), ingester(1)],
        "a clock killed between step and outbox": [partial(_either, c)],
        "HAProxy killed": [lambda: front().kill("haproxy")],
        "the front that has the address killed": [lambda: front().kill()],
        "etcd's leader killed, back after 40 s": [lambda: leader().kill(), away],
        "broker node and primary killed": [m["rabbit2"].kill, no_primary],
        "ingester and both clocks killed": [
            ingester(1), partial(c[0].kill, "clock"), partial(c[1].kill, "clock")],
        "the front that has the address and broker node killed": [
            m["rabbit3"].kill, lambda: front().kill()],
        "etcd's leader and primary killed": [lambda: leader().kill(), no_primary],
        "broker node cut off for 20 s": [partial(_cut, m["rabbit1"])],
        "primary cut off for 20 s": [lambda: _cut(primary())],
        "the front that has the address cut off for 20 s": [lambda: _cut(front())],
        "broker node's disk full for 20 s": [partial(_full, m["rabbit2"])],
        "primary's disk full for 20 s": [lambda: _full(primary())],
        "all of etcd killed, back after 40 s": [all_of_etcd, away],
    }  # fmt: skip


def _cut(machine: Machine) -> None:
    machine.host.cut(off=True)
    time.sleep(_FOR_S)
    machine.host.cut(off=False)


def _either(hosts: list[CentralHost]) -> None:
    # whichever clock takes the next step dies of it
    wishes = [one.folder / "die-clock" for one in hosts]
    for wish in wishes:
        wish.touch()
    until(lambda: any(one.parts["clock"].poll() is not None for one in hosts), 180, "a step")
    for wish in wishes:
        wish.unlink(missing_ok=True)


def _full(machine: Machine) -> None:
    machine.fill()
    time.sleep(_FOR_S)
    machine.free()
