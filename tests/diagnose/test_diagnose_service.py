"""The systemd service; no systemd runs here, so a `systemctl` on the PATH answers as it would."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from message_makers import status
from sered.box import snapshot
from sered.diagnose import fixes
from sered.diagnose.model import Context, Mark, Result

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


Examine = Callable[..., dict[str, Result]]


HEALTHY = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "SubState": "running",
    "NRestarts": "0",
    "Result": "success",
    "ExecMainStatus": "0",
    "WatchdogUSec": "30s",
    "NeedDaemonReload": "no",
}


def said(state: str = "online", text: str = "") -> snapshot.Snapshot:
    return snapshot.Snapshot(
        pid=os.getpid(), at=0.0, broker="connected", status=status(state, text), health=None
    )


@pytest.fixture
def look(
    tmp_path: Path,
    box: Callable[[dict[str, str]], Path],
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, Result]]:
    """Results with the unit in the given state; what is called besides lands in `calls`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    root = box({"run/systemd/system/here": ""})

    def look(service: snapshot.Snapshot | None = None, **unit: str) -> dict[str, Result]:
        answer = "\n".join(f"{key}={value}" for key, value in (HEALTHY | unit).items())
        tool = tmp_path / "systemctl"
        tool.write_text(
            f"#!/bin/sh\nif [ \"$1\" = show ]; then cat <<'END'\n{answer}\nEND\n"
            f'else echo "$@" >>{tmp_path}/calls; fi\n'
        )
        tool.chmod(0o755)
        return examine("service", Context(None, root=root, service=service))

    return look


Look = Callable[..., dict[str, Result]]


def test_a_healthy_service_passes_every_check(look: Look) -> None:
    """A unit that runs and answers has no fault."""
    results = look(said())
    assert {result.mark for result in results.values()} == {Mark.OK}
    assert results["service.answers"].found == "online; connected"


@pytest.mark.parametrize(
    ("unit", "name", "fault", "hint"),
    [
        ({"LoadState": "masked"}, "installed", "masked", "systemctl unmask sered"),
        ({"LoadState": "not-found"}, "installed", "missing", "make install"),
        ({"LoadState": "bad-setting"}, "installed", "broken", "systemd-analyze verify"),
        ({"NeedDaemonReload": "yes"}, "installed", "changed", "daemon-reload"),
        ({"UnitFileState": "disabled"}, "enabled", "disabled", "systemctl enable sered"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "active", "stopped", "start sered"),
        ({"ActiveState": "failed", "SubState": "failed"}, "active", "failed", "journalctl"),
        (
            {"ActiveState": "activating", "SubState": "auto-restart"},
            "active",
            "restarting",
            "over and over",
        ),
        ({"ActiveState": "activating", "SubState": "start"}, "active", "starting", "Wait"),
        ({"NRestarts": "7"}, "restarts", "often", "journalctl"),
        ({"Result": "oom-kill"}, "last_exit", "memory", "smaller Vosk model"),
        ({"Result": "watchdog"}, "last_exit", "watchdog", "No sound got through"),
        ({"Result": "exit-code", "ExecMainStatus": "78"}, "last_exit", "badly", "journalctl"),
        ({"WatchdogUSec": "0"}, "watchdog", "off", "WatchdogSec"),
        ({}, "answers", "silent", "another version"),
    ],
)
def test_each_state_of_the_unit_has_its_hint(
    look: Look, unit: dict[str, str], name: str, fault: str, hint: str
) -> None:
    """Every state that systemd tells of a unit has a fault and something to do."""
    result = look(None, **unit)[f"service.{name}"]
    assert (result.fault, result.mark in (Mark.FAIL, Mark.WARN)) == (fault, True)
    assert hint in result.hint


def test_how_the_service_last_ended_is_told_in_words(look: Look) -> None:
    """The exit status of the last run is told."""
    result = look(Result="exit-code", ExecMainStatus="78")["service.last_exit"]
    assert result.found == "it ended with status 78"


def test_a_masked_service_leaves_nothing_else_to_check(look: Look) -> None:
    """A masked unit is named as such, and the rest of its group skipped."""
    results = look(LoadState="masked", LoadError='"Unit sered.service is masked."')
    assert results["service.installed"].found.startswith("sered.service is masked")
    assert results["service.active"].found == "service.installed failed"


def test_a_degraded_service_is_quoted(look: Look) -> None:
    """A degraded service's own sentence is the finding."""
    result = look(said("degraded", "line1: no card C920."))["service.answers"]
    assert (result.mark, result.found) == (Mark.WARN, "degraded: line1: no card C920.")


def test_without_systemd_the_group_is_skipped_with_the_reason(
    examine: Examine, tmp_path: Path
) -> None:
    """On a machine without systemd nothing of the service is judged."""
    results = examine("service", Context(None, root=tmp_path))
    assert {(r.mark, r.found) for r in results.values()} == {
        (Mark.SKIP, "no systemd runs this machine")
    }


def test_a_stopped_and_disabled_service_is_enabled_and_started_by_fix(
    look: Look, tmp_path: Path
) -> None:
    """--fix enables and starts a unit, and says both before."""
    results = look(UnitFileState="disabled", ActiveState="inactive", SubState="dead")
    found = fixes.possible(list(results.values()))
    assert [cure.says for _, cure in found] == ["systemctl enable sered", "systemctl restart sered"]
    assert [fixes.apply(cure, Context(None)) for _, cure in found] == ["", ""]
    assert (tmp_path / "calls").read_text() == "enable sered.service\nrestart sered.service\n"


def test_a_masked_service_is_left_to_people(look: Look) -> None:
    """Somebody masked it on purpose: the doctor tells how, and does nothing."""
    assert fixes.possible(list(look(LoadState="masked").values())) == []
