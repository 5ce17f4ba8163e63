"""Evidence that a handset is up or down: dialling, a step in the noise, the hook. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.records import BLOCK_S, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sered.records import Heard, Side

_NEVER = float("-inf")
_QUIET = frozenset({State.SILENCE, State.NOISE})
_LIVE = frozenset({State.NOISE, State.SPEECH, State.MUSIC})
_CALLING = frozenset({State.DIAL, State.DTMF, State.RINGBACK})
_IDLE_KNOWN_S = 1.5
"""Seconds of on-hook quiet that must be known before a drop to its level proves anything."""


class Lead:
    """When the handset went up, as far as the sound before a call tells."""

    LINGER_S = 10.0
    """The longest that exchange and called phone take between dialling and ringing."""
    IDLE_LINGER_S = 4.0
    """Whoever does not dial within this of the dial tone's end has given up."""
    STEP_S = 5.0
    """A handset that was just lifted cannot have been noisy for longer."""

    def __init__(self) -> None:
        self._start_s: float | None = None
        self._last_s = _NEVER
        self._noise_s: float | None = None
        self._noise_last_s = _NEVER
        self._quiet_s = 0.0
        self._dtmf_s = self._ring_s = 0.0

    @property
    def dialled(self) -> bool:
        """Whether somebody has dialled or a phone rings at the far end."""
        return self._dtmf_s >= 2 * BLOCK_S or self._ring_s >= 0.6

    def start(self) -> list[float]:
        """The moment, in a list; an empty one where nothing tells."""
        if self._start_s is not None:
            return [self._start_s]
        return [] if self._noise_s is None else [self._noise_s]

    def feed(self, now_s: float, sounding: set[State], dial_s: float | None) -> None:
        """Take the states of one block and the start of a sure dial tone."""
        self._forget(now_s)
        if not sounding.isdisjoint(_LIVE):
            if self._noise_s is None and self._quiet_s >= 0.5:
                self._noise_s = now_s
            self._noise_last_s = now_s
            self._quiet_s = 0.0
        else:
            self._quiet_s += BLOCK_S
        if not sounding.isdisjoint(_CALLING):
            if State.DIAL in sounding and not self._dtmf_s and now_s - self._last_s > 2.3:
                self._start_s = None
            if self._start_s is None:
                self._start_s = now_s if self._noise_s is None else self._noise_s
            self._last_s = now_s
        if dial_s is not None and dial_s - (self._start_s or 0.0) > self.STEP_S:
            self.restart(dial_s)
        self._dtmf_s += BLOCK_S * (State.DTMF in sounding)
        self._ring_s += BLOCK_S * (State.RINGBACK in sounding)

    def restart(self, dial_s: float | None = None) -> None:
        """Forget the lead; a dial tone that sounds now, from `dial_s` on, begins the next."""
        self._start_s = dial_s
        self._noise_s = None
        self._dtmf_s = self._ring_s = 0.0

    def _forget(self, now_s: float) -> None:
        if self._start_s is not None:
            linger_s = self.LINGER_S if self.dialled else self.IDLE_LINGER_S
            if now_s - self._last_s > linger_s:
                self.restart()
        if self._noise_s is not None and (
            now_s - self._noise_last_s > 1.0 or now_s - self._noise_s > self.STEP_S
        ):
            self._noise_s = None


class OnHookStep:
    """Notices that a line's noise has dropped from its off-hook to its on-hook level."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the noise dropped, once that is sure."""
        self._idle_db: dict[Side, float] = {}
        self._idle_s = 0.0
        self._pauses = self._pauses_near = 0
        self._near_from_s: float | None = None

    def feed(self, heard: Heard, sounding: set[State], *, in_call: bool) -> None:
        """Take one block, and the states of all its sides."""
        if not sounding <= _QUIET:
            if self._near_from_s is not None:
                self._settle(heard.start_s)
            self.since_s = None
            return
        if not in_call:
            if State.NOISE not in sounding:
                self._learn(heard)
            return
        near = self._idle_s >= _IDLE_KNOWN_S and all(
            level < self._idle_db.get(side, _NEVER) + 4.0 for side, level in _hiss(heard)
        )
        if not near:
            self._settle(heard.start_s)
            self._pauses += 1
            return
        if self._near_from_s is None:
            self._near_from_s = heard.start_s
        lasted = heard.start_s + BLOCK_S - self._near_from_s >= 1.5
        self.since_s = self._near_from_s if lasted and self.telling else None

    @property
    def telling(self) -> bool:
        """Whether the pauses of this call are louder than the idle line, so that a drop shows."""
        known = self._idle_s >= _IDLE_KNOWN_S and self._pauses >= 50
        return known and self._pauses_near < 0.2 * self._pauses

    def interrupt(self) -> None:
        """Sound was lost: nobody knows how long it was quiet."""
        self._near_from_s = self.since_s = None

    def forget(self) -> None:
        """The call is over; what was learnt of the idle line stays."""
        self.since_s = self._near_from_s = None
        self._pauses = self._pauses_near = 0

    def _settle(self, now_s: float) -> None:
        if self._near_from_s is not None:
            blocks = round((now_s - self._near_from_s) / BLOCK_S)
            self._pauses += blocks
            self._pauses_near += blocks
        self._near_from_s = self.since_s = None

    def _learn(self, heard: Heard) -> None:
        self._idle_s += BLOCK_S
        for side, level in _hiss(heard):
            known = self._idle_db.get(side, level)
            self._idle_db[side] = known + 0.01 * (level - known)


def _hiss(heard: Heard) -> Iterable[tuple[Side, float]]:
    """Levels of the high band: in the whole band a hum that never stops would hide the step."""
    return (heard.hiss_db or heard.level_db).items()


class HookEvidence:
    """What the hook switch says, where one is wired: it knows better than any sound."""

    FLASH_S = 1.2
    """A shorter press of the hook does not end a call."""
    LIFT_S = 0.2
    """A contact bounces for less."""

    def __init__(self) -> None:
        self.known = False
        self.down_s: float | None = None
        """When the handset went down, once that is longer than a flash."""
        self.lifted_s: float | None = None
        """When the handset went up; told until a call has taken the lift."""
        self._up_since_s: float | None = None
        self._down_since_s: float | None = None
        self._taken = False

    def feed(self, now_s: float, off_hook: bool | None) -> None:  # noqa: FBT001 - three-valued
        """Take the switch's state during one block."""
        self.known = off_hook is not None
        self.down_s = self.lifted_s = None
        if off_hook is None:
            return
        if off_hook:
            self._down_since_s = None
            if self._up_since_s is None:
                self._up_since_s = now_s
            if now_s + BLOCK_S - self._up_since_s >= self.LIFT_S and not self._taken:
                self.lifted_s = self._up_since_s
            return
        if self._down_since_s is None:
            self._down_since_s = now_s
        if now_s + BLOCK_S - self._down_since_s >= self.FLASH_S:
            self.down_s = self._down_since_s
            self._up_since_s = None
            self._taken = False

    def taken(self) -> None:
        """A call has begun with this lift; before the next one the hook must go down."""
        self._taken = True
