"""Trixie: Python 3.13, another TFLite runtime, numpy 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from system.desk import eventually, unpinned

if TYPE_CHECKING:
    from collections.abc import Callable

    from system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]


def test_trixie_hears_a_call(fresh: Callable[..., Desk], pip_cache: tuple[str, ...]) -> None:
    """Installed from a checkout, examined, and one call becomes the verdict that it should."""
    desk = fresh("trixie", *pip_cache)
    said = desk.install().out
    assert "Python is one that sered is tested with: 3.13" in said
    assert "the network computes here as where it was made" in said
    assert desk.run("/opt/sered/current/bin/python -c 'import ai_edge_litert'").status == 0
    assert unpinned(desk.run("/opt/sered/current/bin/pip freeze").out, "3.13") == []
    assert desk.run("ls -d /opt/sered/current/lib/python3.13/site-packages/lgpio.py").out
    assert desk.run("systemd-analyze verify sered.service").err == ""
    assert desk.run("udevadm verify /etc/udev/rules.d/60-sered.rules").status == 0
    eventually(lambda: desk.healthy, 60, "a healthy service")
    desk.play()
    eventually(lambda: desk.received("calls"), 30, "the verdict of the call")
    report = desk.received("calls")[-1]
    assert report["sentiment"]["category"] == "negative"
    assert report["sentiment"]["escalate"] is True
