"""Which pattern the status light has, and when it is lit. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sered.box.snapshot import Snapshot

_TAP = frozenset(
    {
        "busy",
        "failed",
        "no_device",
        "no_frames",
        "no_permission",
        "not_ready",
        "silent_line",
        "unplugged",
        "wrong_port",
    }
)
"""Reasons of a line that hears nothing."""


class Pattern(StrEnum):
    """What the light says."""

    LISTENING = "listening"
    NO_TAP = "no tap"
    NO_BROKER = "no broker"
    OFF = "not running"


STEPS: dict[Pattern, str] = {
    Pattern.LISTENING: "#",
    Pattern.NO_TAP: "#.",
    Pattern.NO_BROKER: "#.#.......",
    Pattern.OFF: ".",
}
"""A sign is a fifth of a second, `#` is lit: steady; quick blinks; two short and a pause; dark."""
STEP_S = 0.2


def pattern(state: Snapshot | None) -> Pattern:
    """What to show; None or a stale snapshot is a service that does not run. A tap goes first."""
    if state is None or not state.fresh:
        return Pattern.OFF
    if any(_TAP & set(line.reasons) for line in state.status.lines):
        return Pattern.NO_TAP
    if not state.connected:
        return Pattern.NO_BROKER
    return Pattern.LISTENING


def lit(shown: Pattern, step: int) -> bool:
    """Whether the light is on in the `step`th fifth of a second."""
    steps = STEPS[shown]
    return steps[step % len(steps)] == "#"
