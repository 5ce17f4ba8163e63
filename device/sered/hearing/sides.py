"""Whether a line's sides are what they are called: one sound on both, exchanged, or empty. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sered.hearing.same_sound import SameSound
from sered.levels import LOWEST_DB, STEADY_DB, STEADY_TAIL
from sered.records import BLOCK, RATE_HZ, Side, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sered.records import AudioFrame, Heard

SAME = "same_on_both"
EXCHANGED = "sides_exchanged"
NO_CUSTOMER = "customer_never_heard"
NO_AGENT = "agent_never_heard"

_BLOCK_S = BLOCK / RATE_HZ
_SPOKEN_BLOCKS = 4
"""Blocks of speech, of a frame's eight, with which two channels are compared."""
_TONES = frozenset({State.DIAL, State.RINGBACK, State.BUSY, State.REORDER})
_CLEARLY_DB = 6.0
_TONE_S, _FEWER = 1.0, 0.25
"""Tones of the exchange on the agent's side that are more than chance; and fewer than so many of
them on the customer's."""
_NEVER_S, _SPOKE_S = 0.5, 10.0
"""Who spoke less was never heard, where the other one spoke for longer."""
_NOTHING_DB, _ONE_SIDED_S = -70.0, 3.0
"""A channel that is never louder carries nothing; it takes less of the other's speech to tell."""


@dataclass(slots=True)
class _Heard:
    """What one side carried since the last call was over."""

    speech_blocks: int = 0
    tone_blocks: int = 0
    """Tones of the exchange that are clearly louder here than on the other side."""
    loudest_db: float = LOWEST_DB
    levels: Counter[int] = field(default_factory=Counter)
    """Blocks of each level, in whole dB, while the other side speaks."""

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return self.speech_blocks * _BLOCK_S

    @property
    def tone_s(self) -> float:
        """Seconds of those tones."""
        return self.tone_blocks * _BLOCK_S

    @property
    def nothing(self) -> bool:
        """Whether it carries no more than the noise of a line, a hum or a hiss."""
        if self.loudest_db < _NOTHING_DB:
            return True
        most = self.levels.total() * STEADY_TAIL
        return _nth(self.levels, most, loud=True) - _nth(self.levels, most) <= STEADY_DB


class SidesWatch:
    """Follows both sides of one line; without a customer's and an agent's it finds nothing.

    `end` when a call is over; tones before a call count to it.
    """

    def __init__(self, sides: Collection[Side]) -> None:
        self._both = Side.CUSTOMER in sides and Side.AGENT in sides
        self.lasting: tuple[str, ...] = ()
        """What was wrong in the last call that told, until one tells otherwise."""
        self._heard: dict[Side, _Heard] = {}
        self._compared = SameSound()
        self._forget()

    def feed(self, frame: AudioFrame, blocks: Sequence[Heard]) -> None:
        """Take a frame and what its blocks were known as."""
        if not self._both:
            return
        far = [heard.states[Side.CUSTOMER] for heard in blocks]
        near = [heard.states[Side.AGENT] for heard in blocks]
        far_db = [heard.level_db[Side.CUSTOMER] for heard in blocks]
        near_db = [heard.level_db[Side.AGENT] for heard in blocks]
        _count(self._heard[Side.CUSTOMER], (far, far_db), (near, near_db))
        _count(self._heard[Side.AGENT], (near, near_db), (far, far_db))
        spoken = sum(State.SPEECH in both for both in zip(far, near, strict=True))
        agent, customer = frame.pcm[Side.AGENT], frame.pcm[Side.CUSTOMER]
        self._compared.feed(agent, customer, spoken=spoken >= _SPOKEN_BLOCKS)

    def now(self, *, over: bool = False) -> tuple[str, ...]:
        """What is wrong with the call so far, the gravest first; surer when it is `over`."""
        if not self._both:
            return ()
        if self._compared.found(over=over) if self._compared.known else SAME in self.lasting:
            return (SAME,)
        far, near = self._heard[Side.CUSTOMER], self._heard[Side.AGENT]
        told = near.tone_s >= _TONE_S and far.tone_s <= _FEWER * near.tone_s
        if told or (EXCHANGED in self.lasting and far.tone_s < _TONE_S):
            return (EXCHANGED,)
        if _missing(far, near):
            return (NO_CUSTOMER,)
        return (NO_AGENT,) if _missing(near, far) and near.loudest_db < _NOTHING_DB else ()

    def end(self) -> tuple[str, ...]:
        """The call is over: what was wrong with it."""
        found = self.now(over=True)
        told = self._compared.known or found
        if told:
            self.lasting = found
        self._forget()
        return found

    def _forget(self) -> None:
        self._heard = {side: _Heard() for side in (Side.CUSTOMER, Side.AGENT)}
        self._compared = SameSound()


def _count(
    side: _Heard,
    own: tuple[list[State], list[float]],
    other: tuple[list[State], list[float]],
) -> None:
    """Take one frame of a side, and of the other one: states and levels of the blocks of each."""
    (states, levels), (others, other_levels) = own, other
    side.loudest_db = max(side.loudest_db, *levels)
    side.speech_blocks += states.count(State.SPEECH)
    if State.SPEECH in others:
        pairs = zip(levels, others, strict=True)
        side.levels.update(round(level) for level, state in pairs if state is State.SPEECH)
    if not _TONES.isdisjoint(states):
        rows = zip(states, levels, other_levels, strict=True)
        side.tone_blocks += sum(
            state in _TONES and level - beside > _CLEARLY_DB for state, level, beside in rows
        )


def _nth(levels: Counter[int], number: float, *, loud: bool = False) -> int:
    """The level of the block that so many are as quiet as, or as loud as."""
    passed, level = 0, 0
    for level in sorted(levels, reverse=loud):
        passed += levels[level]
        if passed > number:
            break
    return level


def _missing(side: _Heard, other: _Heard) -> bool:
    if side.speech_s >= _NEVER_S or other.speech_s < _ONE_SIDED_S:
        return False
    return other.speech_s >= _SPOKE_S or side.nothing
