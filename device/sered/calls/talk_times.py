"""Who spoke how long in a call, and the silences between. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.records import BLOCK_S, Side, State, Talk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.calls.utterances import SideSpeech

TONES = frozenset(
    {
        State.BUSY,
        State.REORDER,
        State.HOWLER,
        State.SIT,
        State.DIAL,
        State.RINGBACK,
        State.DTMF,
        State.FAX,
    }
)
"""What machines say."""
HELD = frozenset({State.MUSIC, State.RINGBACK})
"""What keeps a call open while nobody speaks, up to the hold limit."""


class TalkMeter:
    """Measures who spoke how long, and the silences between."""

    def __init__(self) -> None:
        self._voiced: dict[Side, float] = dict.fromkeys(Side, 0.0)
        self._silence_s = self._hold_s = self._longest_s = 0.0
        self._quiet_s = 0.0
        self._agent_run_s = 0.0
        self._customer_quiet_s = 1.0
        self._interruptions = 0

    def feed(self, states: Mapping[Side, State], sounding: set[State]) -> None:
        """Count one block, `sounding` on any side; silence counts when somebody speaks again."""
        for side, state in states.items():
            if state is State.SPEECH:
                self._voiced[side] += BLOCK_S
        self._interrupt(states)
        if State.SPEECH in sounding:
            self._settle()
        elif not sounding.isdisjoint(HELD):
            self._settle()
            self._hold_s += BLOCK_S if self.spoken_s else 0.0
        elif not sounding.isdisjoint(TONES):
            self._settle()
        elif self.spoken_s:
            self._quiet_s += BLOCK_S

    def credit(self, speech: SideSpeech) -> None:
        """Count speech that was heard before it was sure to be a call's."""
        self._voiced[speech.side] += speech.voiced_s

    @property
    def spoken_s(self) -> float:
        """Speech so far, of any side."""
        return sum(self._voiced.values())

    def heard(self, *sides: Side) -> bool:
        """Whether any of these has spoken so far."""
        return any(self._voiced[side] for side in sides)

    def result(self) -> Talk:
        """The silence after the last sound is not the call's."""
        return Talk(
            customer_s=round(self._voiced[Side.CUSTOMER], 3),
            agent_s=round(self._voiced[Side.AGENT], 3),
            mixed_s=round(self._voiced[Side.MIXED], 3),
            silence_s=round(self._silence_s, 3),
            hold_s=round(self._hold_s, 3),
            longest_silence_s=round(self._longest_s, 3),
            interruptions=self._interruptions,
        )

    def _settle(self) -> None:
        self._silence_s += self._quiet_s
        self._longest_s = max(self._longest_s, self._quiet_s)
        self._quiet_s = 0.0

    def _interrupt(self, states: Mapping[Side, State]) -> None:
        customer = states.get(Side.CUSTOMER) is State.SPEECH
        if customer and self._customer_quiet_s >= 0.5 and self._agent_run_s >= 0.5:
            self._interruptions += 1
        self._customer_quiet_s = 0.0 if customer else self._customer_quiet_s + BLOCK_S
        agent = states.get(Side.AGENT) is State.SPEECH
        self._agent_run_s = self._agent_run_s + BLOCK_S if agent else 0.0
