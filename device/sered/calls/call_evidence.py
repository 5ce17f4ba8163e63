"""Evidence that a handset is up or down: tones, dialling, a step in the noise, the hook. Pure."""

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
_TALK = _QUIET | {State.SPEECH, State.MUSIC}
_END_TONES = frozenset({State.BUSY, State.REORDER, State.HOWLER, State.SIT})
_CADENCED = _END_TONES | {State.DIAL, State.RINGBACK}
_TONE_GAP_S = 0.8
"""The longest pause inside a hang-up tone: 0.525 s in the plans, and a margin."""
DIAL_SURE_S = 2.2
"""Ringback is on for 2 s at most (North America), so a tone that lasts longer is a dial tone."""
_SURE_BLOCKS = 8
"""Blocks of sound that count as sound: a tone's onset may pass for speech for a moment."""
_DIALLED_DIAL_S, _DIALLED_AT_ONCE_S = 0.4, 0.4
"""A tone is the dial tone, too, if it lasted the first and dialling followed within the second."""
_DEAF_S = {State.SIT: 6.0}
"""Seconds after an intercept tone in which a machine speaks, not a customer."""
_ANNOUNCED_S, _ANNOUNCEMENT_PAUSE_S = 45.0, 3.0
"""The machine says its text twice as a rule, in less than the first, and pauses for less than the
second between two sentences."""
_DEAF_AFTER_END_TONE_S = 3.0
"""After any other hang-up tone what sounds belongs to no call for so long."""
_JOIN_S = 0.2
"""A tone is known for a few blocks after its end, its window of 128 ms included."""
_IDLE_KNOWN_S = 1.5
"""Seconds of on-hook quiet that must be known before a drop to its level proves anything."""


class ToneRun:
    """The tone that sounds, if any: since when, and whether it ends a call."""

    def __init__(self) -> None:
        self.start_s = 0.0
        self.before_s = 0.0
        """End of the last sound before the tone."""
        self.ends = False
        self.dial_s: float | None = None
        """When the present dial tone began, once it is sure to be one."""
        self._last_s = _NEVER
        self._sound_s = 0.0
        self._sound_blocks = 0
        self._dial_start_s = 0.0
        self._dial_last_s = _NEVER
        self._deaf_until_s = self._announced_until_s = _NEVER
        self._join_s = _NEVER

    def join(self, at_s: float) -> None:
        """Another recording begins: what its line carried before says nothing of it."""
        self._join_s = at_s

    def feed(self, heard: Heard, sounding: set[State]) -> None:
        """Take one block, and the states of all its sides."""
        now_s = heard.start_s
        if sounding <= _TALK:
            # as almost always: nothing of a tone
            self.ends, self.dial_s = False, None
            if now_s < self._announced_until_s:
                self._announce(now_s, sounding)
            self._sound(now_s, sounds=not sounding <= _QUIET)
            return
        self._announce(now_s, sounding)
        if sounding & _CADENCED:
            if now_s - self._last_s > _TONE_GAP_S:
                began = [s for side, s in heard.since_s.items() if heard.states[side] in _CADENCED]
                self.start_s = min([now_s, *began])
                self.before_s = self._sound_s
            self._last_s = now_s
        else:
            self._sound(now_s, sounds=bool(sounding - _QUIET))
        if sounding & _CADENCED - {State.DIAL}:
            self._sound_s = now_s + BLOCK_S
        enders = sounding & _END_TONES
        self.ends = bool(enders)
        for state in enders:
            self._deaf_until_s = now_s + _DEAF_S.get(state, _DEAF_AFTER_END_TONE_S)
        self._dial(now_s, sounding)

    def _sound(self, now_s: float, *, sounds: bool) -> None:
        self._sound_blocks = self._sound_blocks + 1 if sounds else 0
        if self._sound_blocks >= _SURE_BLOCKS:
            self._sound_s = now_s + BLOCK_S

    def blocks_start(self, now_s: float) -> bool:
        """Whether an end tone sounds or has just sounded: what is said now belongs to no call."""
        joined = self._last_s <= self._join_s + _JOIN_S and now_s >= self._join_s
        return now_s < self._deaf_until_s and not joined

    def _announce(self, now_s: float, sounding: set[State]) -> None:
        """Follow the machine that speaks after an intercept tone until it falls silent."""
        if State.SIT in sounding:
            self._announced_until_s = now_s + _ANNOUNCED_S
        elif sounding & _CALLING:
            self._announced_until_s = _NEVER
        elif State.SPEECH in sounding and now_s < min(self._deaf_until_s, self._announced_until_s):
            self._deaf_until_s = max(self._deaf_until_s, now_s + _ANNOUNCEMENT_PAUSE_S)

    def _dial(self, now_s: float, sounding: set[State]) -> None:
        self.dial_s = None
        if State.DIAL in sounding:
            if now_s - self._dial_last_s > 3 * BLOCK_S:
                self._dial_start_s = now_s
            self._dial_last_s = now_s
            if now_s + BLOCK_S - self._dial_start_s >= DIAL_SURE_S:
                self.dial_s = self._dial_start_s
        elif State.DTMF in sounding and self._dialled_at_once(now_s):
            self.dial_s = self._dial_start_s

    def _dialled_at_once(self, now_s: float) -> bool:
        long_enough = self._dial_last_s - self._dial_start_s >= _DIALLED_DIAL_S
        return long_enough and now_s - self._dial_last_s < _DIALLED_AT_ONCE_S


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
