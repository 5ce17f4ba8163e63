"""The tone that sounds on a line: since when, whether it ends a call, what follows on it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.records import BLOCK_S, State

if TYPE_CHECKING:
    from sered.records import Heard

_NEVER = float("-inf")
_QUIET = frozenset({State.SILENCE, State.NOISE})
_CALLING = frozenset({State.DIAL, State.DTMF, State.RINGBACK})
_TALK = _QUIET | {State.SPEECH, State.MUSIC}
_END_TONES = frozenset({State.BUSY, State.REORDER, State.HOWLER, State.SIT})
_CADENCED = _END_TONES | {State.DIAL, State.RINGBACK}
_TONE_GAP_S = 0.8
"""The longest pause inside a hang-up tone: 0.525 s in the plans, and a margin."""
_DIAL_SURE_S = 2.2
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
            if now_s + BLOCK_S - self._dial_start_s >= _DIAL_SURE_S:
                self.dial_s = self._dial_start_s
        elif State.DTMF in sounding and self._dialled_at_once(now_s):
            self.dial_s = self._dial_start_s

    def _dialled_at_once(self, now_s: float) -> bool:
        long_enough = self._dial_last_s - self._dial_start_s >= _DIALLED_DIAL_S
        return long_enough and now_s - self._dial_last_s < _DIALLED_AT_ONCE_S
