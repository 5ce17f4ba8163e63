"""When answers, music, keys, tones and beeps sounded on a line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.hearing.beeps import Beeps
from sered.hearing.runs import Runs
from sered.records import RATE_HZ, Side, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.records import AudioFrame, Heard

ANSWER_S = 0.35
"""What the near end says for less is a cough or a leak."""
_TALK = frozenset({State.SILENCE, State.NOISE, State.SPEECH})
_CALLING = frozenset({State.DIAL, State.DTMF, State.RINGBACK})


class LineRuns:
    """Follows a line that has a far end of its own; times are of the line, in seconds."""

    def __init__(self) -> None:
        self.answers = Runs(0.5)
        """Speech of the near end."""
        self.music = Runs(2.0)
        self.beeps = Runs(0.1)
        self.keys = Runs(0.3)
        self.tones = Runs(0.5)
        """Of the exchange, and keys: somebody calls somebody."""
        self.dials = Runs(0.5)
        self.rings = Runs(0.5)
        self.near_alive = False
        """Whether the near end's channel is known to carry what is said there."""
        self._beep = Beeps()

    def forget(self, before_s: float) -> None:
        """What was over before is no part of the call."""
        self.answers.forget(before_s)
        for runs in (self.music, self.beeps, self.keys, self.tones, self.dials, self.rings):
            runs.forget(before_s)

    def expect(self, frames: Sequence[AudioFrame]) -> None:
        """These are fed next: what can be measured of many at once is."""
        self._beep.expect([frame.pcm[Side.CUSTOMER] for frame in frames])

    def feed(self, frame: AudioFrame, blocks: Sequence[Heard]) -> None:
        """Take a frame and what its blocks were known as."""
        self.beeps.runs += self._beep.feed(
            frame.pcm[Side.CUSTOMER],
            frame.start / RATE_HZ,
            [heard.states[Side.CUSTOMER] for heard in blocks],
            [heard.level_db[Side.CUSTOMER] for heard in blocks],
        )
        for heard in blocks:
            self._note(heard)

    def _note(self, heard: Heard) -> None:
        far = heard.states[Side.CUSTOMER]
        near = heard.states.get(Side.AGENT, State.SILENCE)
        now_s = heard.start_s
        both = (far, near)
        if near is State.SPEECH:
            self.answers.feed(now_s)
        if far in _TALK and near in _TALK:
            return
        for runs, sounds in (
            (self.music, far is State.MUSIC),
            (self.keys, State.DTMF in both),
            (self.rings, far is State.RINGBACK),
            (self.dials, State.DIAL in both),
            (self.tones, far in _CALLING or near in _CALLING),
        ):
            if sounds:
                runs.feed(now_s)
        self.near_alive |= near is State.DTMF

    def unanswered(self, start_s: float, end_s: float) -> bool:
        """Whether the near end is silent all the while."""
        return not self.answers.between(start_s, end_s, ANSWER_S)

    @property
    def first_answer_s(self) -> float:
        """When the near end first spoke; infinite: it has not."""
        return next((start for start, _ in self.long_answers()), float("inf"))

    def long_answers(self) -> list[tuple[float, float]]:
        """When the near end spoke for longer than a cough."""
        return [(start, end) for start, end in self.answers.runs if end - start >= ANSWER_S]
