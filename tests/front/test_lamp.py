"""What the light says of a service."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from sered.box.snapshot import Snapshot
from sered.contract.messages import LineStatus, Status
from sered.front import lamp
from sered.front.lamp import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable


def snapshot(*reasons: str, connected: bool = True, at: float | None = None) -> Snapshot:
    """A running service with one line that has these reasons."""
    line = LineStatus(line="line1", reasons=reasons, text="as it is")
    state = "degraded" if reasons else "online"
    return Snapshot(
        pid=os.getpid(),
        at=time.monotonic() if at is None else at,
        broker="connected",
        connected=connected,
        status=Status(
            site="berlin", device="desk", state=state, reasons=reasons, text="", lines=(line,)
        ),
        health=None,
    )


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (snapshot, Pattern.LISTENING),
        (lambda: snapshot("hum"), Pattern.LISTENING),
        (lambda: snapshot("no_device"), Pattern.NO_TAP),
        (lambda: snapshot("silent_line"), Pattern.NO_TAP),
        (lambda: snapshot("no_device", connected=False), Pattern.NO_TAP),
        (lambda: snapshot(connected=False), Pattern.NO_BROKER),
        (lambda: snapshot(at=time.monotonic() - 60), Pattern.OFF),
        (lambda: None, Pattern.OFF),
    ],
)
def test_the_pattern_of_a_state(state: Callable[[], Snapshot | None], shown: Pattern) -> None:
    """A tap that hears nothing goes before a broker; a service that is stuck is dark."""
    assert lamp.pattern(state()) is shown


def test_the_patterns_can_be_told_apart_from_afar() -> None:
    """Steady, quick, two in two seconds, dark: no two alike within two seconds."""
    two_s = {
        shown: tuple(lamp.lit(shown, step) for step in range(round(2 / lamp.STEP_S)))
        for shown in Pattern
    }
    assert len(set(two_s.values())) == len(Pattern)
    assert all(two_s[Pattern.LISTENING])
    assert not any(two_s[Pattern.OFF])
    assert sum(two_s[Pattern.NO_BROKER]) == 2
