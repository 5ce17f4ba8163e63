"""The cluster is brought up host by host, by the page's own blocks, while calls come in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cluster.rogue import taught
from load.rate import Publisher
from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cluster.recipe import Block, Hosts
    from system.machine import Machine

PARTS = ("ingest@1", "clock@1", "web@8470")
_HOME = "/opt/sered-central"
_A_SECOND = 3.0
_LONGEST_S = 1800.0
_PSQL = "runuser -u postgres -- psql -h /run/postgresql -d sered -Atc"


def a_cluster_is_brought_up(hosts: Hosts, work: Path, blocks: Iterable[Block]) -> None:
    """Every server is stopped and started once; each call is in the store once."""
    for name in ("central1", "central2"):
        _another_version(hosts.machines[name])
    tls = _many(hosts, work)
    source = Publisher("front:8883", work / "times", _A_SECOND, _LONGEST_S, 0.1, tls)
    for block in blocks:
        hosts.follow(block)
    for name in ("central1", "central2"):
        _is_another(hosts.machines[name])
    source.end()
    sent = source.sent()
    stored = list[str]()

    def all_there() -> bool:
        stored[:] = _asked(hosts, "SELECT call_id FROM call WHERE site LIKE 'site%'").split()
        return len(stored) >= len(sent)

    eventually(all_there, 120.0, f"{len(sent)} calls")
    after = "received_at - lag(received_at) OVER (ORDER BY received_at)"
    gaps = f"SELECT {after} AS gap FROM call WHERE site LIKE 'site%'"
    longest = _asked(hosts, f"SELECT extract(epoch FROM max(gap))::int FROM ({gaps}) AS gaps")
    lost, twice = set(sent) - set(stored), len(stored) - len(set(stored))
    print(
        f"every host brought up: sent {len(sent)}, stored {len(stored)}, lost {len(lost)}, twice"
        f" {twice}, longest without a call {longest} s",
        flush=True,
    )
    assert (len(lost), twice) == (0, 0)


def _another_version(central: Machine) -> None:
    """Change the checkout, and put there what cannot be fetched: the version's libraries.

    Its folder is a copy of the old one's.
    """
    was = central.run(f"readlink {_HOME}/current").out
    central.run(f"cd {CHECKOUT}; echo '# another version' >> device/sered/__init__.py")
    now = _wanted(central)
    assert now != was
    central.run(f"cp -a {was} {now}; grep -rlI {was} {now}/bin | xargs sed -i 's#{was}#{now}#g'")


def _wanted(central: Machine) -> str:
    """Where the checkout's version lies when it is installed."""
    return f"{_HOME}/" + central.run(f"cd {CHECKOUT}; . systemd/lib.sh; id_of .").out


def _is_another(central: Machine) -> None:
    """Every part of the host runs the checkout's version, and nothing else was started."""
    now = _wanted(central)
    assert central.run(f"readlink {_HOME}/current").out == now

    def runs(part: str) -> Callable[[], bool]:
        unit = f"sered-central-{part}"
        shown = f"$(systemctl show -P MainPID {unit})"
        line = f"systemctl -q is-active {unit} && tr '\\0' ' ' < /proc/{shown}/cmdline"
        return lambda: now in central.run(line, check=False).out

    for part in PARTS:
        eventually(runs(part), 120.0, f"{part} of the new version")
    assert central.run("systemctl is-active sered-central", check=False).out == "inactive"
    assert central.run("systemctl is-enabled sered-central", check=False).out == "disabled"


def _many(hosts: Hosts, work: Path) -> Path:
    """Certificate and login of a box that is many."""
    central, rabbit = hosts.machines["central1"], hosts.machines["rabbit1"]
    central.run(f"cd {CHECKOUT}; docs/mqtt/make-certificates client box")
    made = central.disk.root / CHECKOUT[1:] / "certificates"
    rules = (made / "boxes.json").read_text()
    rules = rules.replace(r"sered\\.berlin\\.desk1\\.", r"sered\\.").replace("berlin.desk1", "box")
    taught(rabbit, "many.json", rules)
    there = work / "many"
    there.mkdir()
    for name in ("ca.crt", "box.crt", "box.key"):
        shutil.copy(made / name, there)
    return there


def _asked(hosts: Hosts, query: str) -> str:
    for name in ("pg1", "pg2"):
        ended = hosts.machines[name].run(f'{_PSQL} "{query}"', check=False)
        if ended.status == 0:
            return ended.out
    return ""
