"""The cluster is brought up host by host, by the page's own blocks, while calls come in.

Central's new version has other tables: until both hosts have it, and after the way back, the
version of before stands on these.
"""

from __future__ import annotations

import shutil
import ssl
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import httpx

import next_version
from cluster.rogue import PASSWORD, taught
from load.rate import Publisher
from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cluster.recipe import Block, Hosts
    from system.machine import Machine

PARTS = ("ingest@1", "clock@1", "web@8470")
_CENTRALS = ("central1", "central2")
_HOME = "/opt/sered-central"
_KEPT = "/root/before"
_A_SECOND = 3.0
_LONGEST_S = 1800.0
_WITHIN_S = 120.0
_PSQL = "runuser -u postgres -- psql -h /run/postgresql -d sered -Atc"
_OURS = "site LIKE 'site%'"


@dataclass(frozen=True, slots=True)
class Versions:
    """Where they lie on a host."""

    old: str
    new: str


def a_cluster_is_brought_up(hosts: Hosts, work: Path, blocks: Iterable[Block]) -> None:
    """Every server is stopped and started once, and central goes back; each call is stored once."""
    of = {name: _another_version(hosts.machines[name]) for name in _CENTRALS}
    source = Publisher("front:8883", work / "times", _A_SECOND, _LONGEST_S, 0.1, _many(hosts, work))
    first, *others = blocks
    central1, central2 = (replace(first, hosts=(name,)) for name in _CENTRALS)
    hosts.follow(central1)
    _both_share_the_tables(hosts, of)
    for block in (central2, *others):
        hosts.follow(block)
    for name in _CENTRALS:
        _runs(hosts.machines[name], of[name].new)
    for name, block in zip(_CENTRALS, (central1, central2), strict=True):
        _older_checkout(hosts.machines[name], of[name])
        hosts.follow(block)
        _runs(hosts.machines[name], of[name].old)
    before = _stored(hosts, "stored_by IS NULL")
    eventually(lambda: _stored(hosts, "stored_by IS NULL") > before, _WITHIN_S, "calls, gone back")
    assert _asked(hosts, "SELECT version_num FROM alembic_version") == next_version.REVISION
    print("central went back to the version of before, on the newer tables", flush=True)
    source.end()
    _each_once(hosts, source)


def _each_once(hosts: Hosts, source: Publisher) -> None:
    sent = source.sent()
    stored = list[str]()

    def all_there() -> bool:
        stored[:] = _asked(hosts, f"SELECT call_id FROM call WHERE {_OURS}").split()
        return len(stored) >= len(sent)

    eventually(all_there, _WITHIN_S, f"{len(sent)} calls")
    after = "received_at - lag(received_at) OVER (ORDER BY received_at)"
    gaps = f"SELECT {after} AS gap FROM call WHERE {_OURS}"
    longest = _asked(hosts, f"SELECT extract(epoch FROM max(gap))::int FROM ({gaps}) AS gaps")
    lost, twice = set(sent) - set(stored), len(stored) - len(set(stored))
    print(
        f"every host brought up: sent {len(sent)}, stored {len(stored)}"
        f" ({_stored(hosts, 'stored_by IS NOT NULL')} by the newer version), lost {len(lost)},"
        f" twice {twice}, longest without a call {longest} s",
        flush=True,
    )
    assert (len(lost), twice) == (0, 0)
    refused = "SELECT count(*) FROM set_aside WHERE reason = 'refused_by_store'"
    assert _asked(hosts, refused) == "0"


def _both_share_the_tables(hosts: Hosts, of: dict[str, Versions]) -> None:
    """One host is new; what runs on the other goes on, and what is killed there starts anew."""
    assert _asked(hosts, "SELECT version_num FROM alembic_version") == next_version.REVISION
    new, old = (hosts.machines[name] for name in _CENTRALS)
    _runs(new, of["central1"].new)
    _runs(old, of["central2"].old)
    _both_store(hosts)
    old.run("systemctl kill -s KILL 'sered-central-*@*'")
    _runs(old, of["central2"].old)
    _both_store(hosts)
    steps = "SELECT count(*) FROM step_fired"
    fired = int(_asked(hosts, steps))
    eventually(lambda: int(_asked(hosts, steps)) > fired, _WITHIN_S, "a step of escalation")
    for name in _CENTRALS:
        _board_answers(hosts, name)
    print("both versions stored, fired steps and showed pages on the newer tables", flush=True)


def _both_store(hosts: Hosts) -> None:
    def lately(who: str) -> bool:
        return _stored(hosts, f"{who} AND received_at > now() - interval '2 s'") > 0

    for who in ("stored_by IS NULL", "stored_by = 'next'"):
        eventually(partial(lately, who), _WITHIN_S, f"calls with {who}")


def _board_answers(hosts: Hosts, name: str) -> None:
    made = hosts.machines["central1"].disk.root / CHECKOUT[1:] / "hosts/certificates/ca.crt"
    known = ssl.create_default_context(cafile=made)
    host = httpx.Client(base_url=f"https://{name}:8470", verify=known, timeout=60.0)
    # past the front, and by the only name that it answers to
    host.headers["Host"] = "front"
    with host as board:
        login = board.post("/login", data={"login": "ada", "password": PASSWORD})
        assert login.status_code == 303, f"{name}: {login.text}"
        for page in ("/figures/boxes", "/figures/right", "/enrolments"):
            assert board.get(page).status_code == 200, f"{name}{page}"


def _another_version(central: Machine) -> Versions:
    """Change the checkout, and put there what cannot be fetched: the version's libraries."""
    was = central.run(f"readlink {_HOME}/current").out
    central.run(f"mkdir {_KEPT}; cp -a {was} {_KEPT}/installed; cp -a {CHECKOUT}/device {_KEPT}")
    next_version.make(central.disk.root / CHECKOUT[1:] / "device/sered")
    now = f"{_HOME}/" + central.run(f"cd {CHECKOUT}; . systemd/lib.sh; id_of .").out
    assert now != was
    central.run(f"cp -a {was} {now}; grep -rlI {was} {now}/bin | xargs sed -i 's#{was}#{now}#g'")
    (package,) = (central.disk.root / now[1:]).glob("lib/python3*/site-packages/sered")
    next_version.make(package)
    return Versions(was, now)


def _older_checkout(central: Machine, versions: Versions) -> None:
    """What stood there before, and its libraries, which the newer version's install removed."""
    central.run(f"cd {CHECKOUT}; rm -r device; mv {_KEPT}/device device")
    central.run(f"[ -e {versions.old} ] || mv {_KEPT}/installed {versions.old}")


def _runs(central: Machine, version: str) -> None:
    """Every part of the host runs it, and nothing else was started."""
    assert central.run(f"readlink {_HOME}/current").out == version

    def runs(part: str) -> Callable[[], bool]:
        unit = f"sered-central-{part}"
        shown = f"$(systemctl show -P MainPID {unit})"
        line = f"systemctl -q is-active {unit} && tr '\\0' ' ' < /proc/{shown}/cmdline"
        return lambda: version in central.run(line, check=False).out

    for part in PARTS:
        eventually(runs(part), _WITHIN_S, f"{part} of {version}")
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


def _stored(hosts: Hosts, who: str) -> int:
    return int(_asked(hosts, f"SELECT count(*) FROM call WHERE {_OURS} AND {who}") or 0)


def _asked(hosts: Hosts, query: str) -> str:
    for name in ("pg1", "pg2"):
        ended = hosts.machines[name].run(f'{_PSQL} "{query}"', check=False)
        if ended.status == 0:
            return ended.out
    return ""
