"""Checks of the systemd service: installed, enabled, running, and what it says of itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from sered.diagnose.model import Check, Context, Fix, Group, Outcome, fault, ok, skip, skip_all

if TYPE_CHECKING:
    from collections.abc import Callable

UNIT = "sered.service"
_PROPERTIES = (
    "LoadState,LoadError,UnitFileState,ActiveState,SubState,NRestarts,Result,ExecMainStatus,"
    "WatchdogUSec,NeedDaemonReload"
)
_OFTEN = 3
"""Restarts that are worth a warning; one or two come with a power cut."""
_ENDS = {
    "watchdog": "it stood still and was restarted",
    "exit-code": "it ended with status {status}",
    "signal": "it was ended by signal {status}",
    "core-dump": "it crashed with signal {status}",
    "oom-kill": "the kernel ended it for want of memory",
    "timeout": "it did not start or stop in time",
    "start-limit-hit": "it was started too often and given up",
    "resources": "systemd had no means to start it",
    "protocol": "it did not speak with systemd as agreed",
}


def _systemd(context: Context) -> Outcome:
    if not (context.root / "run/systemd/system").is_dir():
        return skip_all("no systemd runs this machine")
    done = subprocess.run(
        ["systemctl", "show", UNIT, "--property", _PROPERTIES],
        capture_output=True,
        text=True,
        check=False,
        timeout=4,
    )
    unit = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if "LoadState" not in unit:
        return fault("deaf", f"systemctl: {(done.stderr or 'no answer').strip()}")
    return ok("answers", unit=unit)


def _unit(context: Context) -> dict[str, str]:
    unit: dict[str, str] = context.facts["unit"]
    return unit


def _installed(context: Context) -> Outcome:
    unit = _unit(context)
    state = unit["LoadState"]
    if state == "loaded":
        changed = unit.get("NeedDaemonReload") == "yes"
        return fault("changed", "its file has changed on disk") if changed else ok(UNIT)
    faults = {"masked": "masked", "not-found": "missing"}
    said = unit.get("LoadError", "").strip('" ')
    return fault(faults.get(state, "broken"), f"{UNIT} is {state}. {said}".rstrip(". "))


def _enabled(context: Context) -> Outcome:
    state = _unit(context).get("UnitFileState", "")
    if state.startswith("enabled"):
        return ok(state)
    return fault("disabled", state or "not enabled")


def _active(context: Context) -> Outcome:
    unit = _unit(context)
    state, sub = unit.get("ActiveState", ""), unit.get("SubState", "")
    found = f"{state} ({sub})"
    if state in ("active", "reloading"):
        return ok(found)
    if sub == "auto-restart":
        return fault("restarting", f"{found}; {_end(unit)}")
    if state == "activating":
        return fault("starting", found)
    return (
        fault("failed", f"{found}; {_end(unit)}") if state == "failed" else fault("stopped", found)
    )


def _end(unit: dict[str, str]) -> str:
    result = unit.get("Result", "")
    said = _ENDS.get(result, f"result: {result}")
    return said.format(status=unit.get("ExecMainStatus", "?"))


def _restarts(context: Context) -> Outcome:
    count = int(_unit(context).get("NRestarts", "0") or 0)
    if count >= _OFTEN:
        return fault("often", f"restarted {count} times since it was started")
    return ok(f"{count} restart{'' if count == 1 else 's'}")


def _last_exit(context: Context) -> Outcome:
    unit = _unit(context)
    if unit.get("Result", "success") == "success":
        return ok("in order")
    names = {"watchdog": "watchdog", "oom-kill": "memory"}
    return fault(names.get(unit["Result"], "badly"), _end(unit))


def _watchdog(context: Context) -> Outcome:
    period = _unit(context).get("WatchdogUSec", "0")
    return fault("off", "no watchdog") if period in ("0", "", "infinity") else ok(f"every {period}")


def _answers(context: Context) -> Outcome:
    if _unit(context).get("ActiveState") != "active":
        return skip("it does not run")
    if context.service is None:
        return fault("silent", "it says nothing of itself")
    status = context.service.status
    if status.state == "online":
        return ok(f"online; {context.service.broker}")
    return fault("degraded", f"{status.state}: {status.text or ', '.join(status.reasons)}")


def _systemctl(*arguments: str) -> Callable[[Context], None]:
    def act(_: Context) -> None:
        subprocess.run(["systemctl", *arguments], check=True, timeout=60, capture_output=True)

    return act


_LOOK = "`journalctl -u sered -n 50` shows its last words"

CHECKS = (
    Check(
        "service.systemd",
        "systemd answers",
        "It starts sered, watches it and restarts it.",
        _systemd,
        failures={"deaf": "Run the doctor as root, or restart the box."},
        deadline_s=5.0,
        fatal=True,
    ),
    Check(
        "service.installed",
        "the service is installed",
        "Without its unit nothing starts sered after a power cut.",
        _installed,
        failures={
            "missing": "`sudo make install` in sered's folder puts it there.",
            "masked": "Somebody switched it off for good. `sudo systemctl unmask sered`, then "
            "`sudo systemctl enable --now sered`.",
            "broken": "`systemd-analyze verify sered.service` names the mistake; `sudo make "
            "install` writes the unit anew.",
        },
        warnings={"changed": "sudo systemctl daemon-reload && sudo systemctl restart sered"},
        fatal=True,
        fix=Fix(("changed",), "systemctl daemon-reload", _systemctl("daemon-reload")),
    ),
    Check(
        "service.enabled",
        "the service starts with the box",
        "After a power cut nobody is there to start it.",
        _enabled,
        failures={"disabled": "sudo systemctl enable sered"},
        fix=Fix(("disabled",), "systemctl enable sered", _systemctl("enable", UNIT)),
    ),
    Check(
        "service.active",
        "the service runs",
        "Calls are heard only while it runs.",
        _active,
        failures={
            "stopped": "sudo systemctl start sered",
            "failed": f"{_LOOK}; mend that, then `sudo systemctl restart sered`.",
            "restarting": f"It starts and dies over and over. {_LOOK}.",
        },
        warnings={"starting": "Wait half a minute and ask again."},
        fix=Fix(("stopped", "failed"), "systemctl restart sered", _systemctl("restart", UNIT)),
    ),
    Check(
        "service.restarts",
        "the service has not been restarted over and over",
        "Restarts lose a call that runs.",
        _restarts,
        warnings={"often": f"{_LOOK}; `systemctl reset-failed sered` sets the count to 0."},
    ),
    Check(
        "service.last_exit",
        "the service last ended in order",
        "How it ended tells what is wrong.",
        _last_exit,
        warnings={
            "badly": f"{_LOOK}.",
            "watchdog": f"No sound got through for a while: look at the tap below. {_LOOK}.",
            "memory": "Use a smaller Vosk model ([models] vosk), or a box with more memory.",
        },
    ),
    Check(
        "service.watchdog",
        "a watchdog guards the service",
        "It restarts a service that runs but has gone deaf.",
        _watchdog,
        failures={"off": "`sudo make install` writes the unit anew, with WatchdogSec in it."},
    ),
    Check(
        "service.answers",
        "the service says that all is well",
        "The same that central sees in the retained `status`.",
        _answers,
        failures={
            "silent": f"It is starting, stuck, or of another version. Wait half a minute; {_LOOK}."
        },
        warnings={"degraded": "The checks below find the cause; mend that and it clears itself."},
    ),
)

GROUP = Group("service", "Service", CHECKS, lane="box")
