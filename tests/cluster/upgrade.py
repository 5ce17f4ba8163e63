"""A new version on one host of the cluster, while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from system.desk import CHECKOUT, eventually

if TYPE_CHECKING:
    from system.machine import Machine

PARTS = ("ingest@1", "clock@1", "web@8470", "sign@1")
_HOME = "/opt/sered-central"


def a_host_is_brought_up(central: Machine) -> None:
    """`make install-central` of another version restarts the host's parts, and nothing else.

    The new version's libraries cannot be fetched from here: its folder is a copy of the old one's.
    """
    was = central.run(f"readlink {_HOME}/current").out
    before = [_pid(central, part) for part in PARTS]
    assert all(pid > 0 for pid in before), before
    changed = "device/sered/__init__.py"
    central.run(f"cd {CHECKOUT}; echo '# another version' >> {changed}")
    now = f"{_HOME}/" + central.run(f"cd {CHECKOUT}; . systemd/lib.sh; id_of .").out
    assert now != was
    central.run(f"cp -a {was} {now}; grep -rlI {was} {now}/bin | xargs sed -i 's#{was}#{now}#g'")
    said = central.run(f"make -C {CHECKOUT} --no-print-directory install-central", timeout_s=600)
    assert central.run(f"readlink {_HOME}/current").out == now, said.out

    def anew() -> bool:
        pids = [_pid(central, part) for part in PARTS]
        return all(pid > 0 and pid not in before for pid in pids)

    eventually(anew, 120.0, "every part of the new version")
    for part in PARTS:
        assert _show(central, f"sered-central-{part}", "ActiveState") == "active"
        runs = central.run(f"tr '\\0' ' ' < /proc/{_pid(central, part)}/cmdline").out
        assert now in runs, runs
    assert _show(central, "sered-central", "ActiveState") == "inactive"
    assert central.run("systemctl is-enabled sered-central", check=False).out == "disabled"
    print("make install-central: every part runs the new version, and nothing else", flush=True)


def _pid(central: Machine, part: str) -> int:
    return int(_show(central, f"sered-central-{part}", "MainPID"))


def _show(central: Machine, unit: str, name: str) -> str:
    return central.run(f"systemctl show -P {name} {unit}").out
