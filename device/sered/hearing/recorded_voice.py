"""Tells recorded voices (announcements, greetings, queues, menus) from people. Pure.

By what machines do and people do not: they play the same sound again, speak between two pieces of
hold music, beep, are answered with keys, and go on whatever is said to them. Kept are hashes and
times, never sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.hearing import fingerprint
from sered.hearing.line_runs import ANSWER_S, LineRuns
from sered.hearing.remembered import HASH_S, Again, FarTalk, Remembered, same_places
from sered.records import Side

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from sered.hearing.remembered import Answers
    from sered.records import AudioFrame, Heard, Utterance

_LOOK_BACK_S = 600.0
"""A queue says the same again long before."""
_PAUSE_S = 2.0
"""A longer pause parts two turns of one side."""
_NEAR_S = 2.5
"""Music, a beep or a key within so much of a turn belongs to it."""
_TUNE_S = 4.0
"""A tune is known as one seconds after its first note."""
_SHORT_S = 1.0
_ECHO_S = 0.3
"""The voice detector may take a beep, and so long after it, for its utterance."""
_SCRAP_S = 0.6
"""A shorter piece of speech between music may be the music's."""
_WORDLESS_S = 1.5
"""Who is rung up does not speak for so long without a word from the caller in the whole call."""
_TAPE_NEAR_S = 8.0
"""Answers so near belong to an utterance."""
_MUSIC_S = 1.0
_MANY = 3
"""Phrases of machines in one turn that no person says."""


class RecordedVoices:
    """Follows one line; `feed` takes every block, `take` every utterance of the far end.

    Knows nothing of a line whose sides share a channel: its far end cannot be told apart.
    """

    def __init__(self, sides: Collection[Side], remembered: Remembered | None = None) -> None:
        self._far = Side.CUSTOMER in sides
        self._near = Side.AGENT in sides
        self._remembered = remembered or Remembered()
        self._line = LineRuns()
        self._said: list[FarTalk] = []
        self._again: list[Again] = []
        self._start_s = 0.0

    def begin(self, start_s: float) -> None:
        """A call began; what sounded before it is no part of it."""
        self._line.forget(start_s)
        self._said, self._again = [], []
        self._start_s = start_s

    def expect(self, frames: Sequence[AudioFrame]) -> None:
        """These are fed next: what can be measured of many at once is."""
        if self._far:
            self._line.expect(frames)

    def feed(self, frame: AudioFrame, blocks: Sequence[Heard]) -> None:
        """Take a frame and what its blocks were known as."""
        if self._far:
            self._line.feed(frame, blocks)

    def take(self, utterance: Utterance, pcm: NDArray[np.int16], formulas: int = 0) -> None:
        """An utterance of the far end, its sound, and how many phrases in it machines say."""
        hashes = fingerprint.fingerprint(pcm[: len(pcm) if self._far else 0])
        said = FarTalk(
            utterance.start_s,
            utterance.end_s,
            utterance.voiced_s,
            hashes,
            formulas,
            np.zeros(len(hashes), bool),
        )
        others = [other for other in self._said if said.start_s - other.start_s < _LOOK_BACK_S]
        for other in [*others, *(self._remembered.all() if self._near else ())]:
            if places := fingerprint.again(hashes, other.hashes):
                self._again.append(Again(said, other, places))
        self._said.append(said)

    @property
    def unanswered(self) -> bool:
        """Whether the near end has rung up somebody and not said a word so far."""
        if not self._near or not self._said:
            return False
        return self._calls_out() and self._line.unanswered(self._start_s, self._said[-1].end_s)

    def flags(self, *, over: bool = False) -> list[bool]:
        """Of each utterance taken in this call, whether a machine spoke; `over`: it has ended."""
        flags = [False] * len(self._said)
        if not self._far:
            return flags
        self._mark()
        turns = self._turns()
        for first, last in turns:
            known = first > 0 and flags[first - 1]
            if self._machine(first, last, known=known) or self._handed_on(first, last, known=known):
                flags[first:last] = [True] * (last - first)
        opening = self._opening(turns, over=over)
        return [flag or at < opening for at, flag in enumerate(flags)]

    def end(self) -> None:
        """The call is over: remember its recordings, and what spoke before anybody answered."""
        flags = self.flags(over=True)
        self._line.near_alive = self._line.answers.total_s(ANSWER_S) > 0.0
        first_answer_s = self._line.first_answer_s
        for said, flag in zip(self._said, flags, strict=True):
            if len(said.hashes) >= fingerprint.MATCH and (flag or said.end_s < first_answer_s):
                said.answers = self._around(said)
                said.heard_before[:] = False
                self._remembered.keep(said)
        self._said, self._again = [], []

    def _mark(self) -> None:
        """Note what of each utterance was heard before, unless a whole conversation is.

        Anew each time: what answers an utterance is known only after it.
        """
        here = {id(said) for said in self._said}
        for said in self._said:
            said.heard_before[:] = False
        for said, other, places in self._again:
            answers = self._around(other) if id(other) in here else other.answers
            # the tape's shift follows from where the sounds lie in both
            shift_s = float(np.median([there - at for at, there in places])) * HASH_S
            moved = tuple((start - shift_s, end - shift_s) for start, end in answers)
            if same_places(self._around(said), moved):
                continue
            for at, there in places:
                said.heard_before[at : at + fingerprint.MATCH] = True
                if id(other) in here:
                    other.heard_before[there : there + fingerprint.MATCH] = True

    def _around(self, said: FarTalk) -> Answers:
        return tuple(
            (start - said.start_s, end - said.start_s)
            for start, end in self._line.long_answers()
            if said.start_s - _TAPE_NEAR_S < start < said.end_s + _TAPE_NEAR_S
        )

    def _turns(self) -> list[tuple[int, int]]:
        """Utterances that follow on one another without an answer, music or ringing between."""
        turns: list[tuple[int, int]] = []
        for at, said in enumerate(self._said):
            before = self._said[at - 1] if at else None
            joined = (
                before is not None
                and said.start_s - before.end_s < _PAUSE_S
                and self._line.unanswered(before.start_s, said.start_s)
                and not self._line.music.between(before.end_s, said.start_s, _MUSIC_S)
                and not self._line.tones.between(before.end_s, said.start_s, ANSWER_S)
            )
            if joined:
                turns[-1] = (turns[-1][0], at + 1)
            else:
                turns.append((at, at + 1))
        return turns

    def _machine(self, first: int, last: int, *, known: bool) -> bool:
        """Whether a turn is a machine's by its own sound and what is next to it.

        `known`: the turn before it was a machine's.
        """
        turn = self._said[first:last]
        start_s, end_s = turn[0].start_s, turn[-1].end_s
        voiced_s = sum(said.voiced_s for said in turn)
        repeated_s = sum(said.voiced_s for said in turn if said.repeats)
        if repeated_s >= 0.5 * voiced_s or (repeated_s and self._line.unanswered(start_s, end_s)):
            return True
        before = self._line.music.between(start_s - _NEAR_S, start_s + _SHORT_S, _MUSIC_S)
        after = self._line.music.between(end_s - _SHORT_S, end_s + _TUNE_S, _MUSIC_S)
        formulas = sum(said.formulas for said in turn)
        if not self._line.unanswered(start_s, end_s):
            return formulas >= _MANY
        keyed = self._keyed(start_s, end_s)
        # who complains of a machine says what it says
        alone = (
            known or before or after or (self._near and self._line.unanswered(self._start_s, end_s))
        )
        between = before and after and voiced_s >= _SCRAP_S
        return between or keyed or formulas >= (1 if alone else _MANY)

    def _handed_on(self, first: int, last: int, *, known: bool) -> bool:
        """Whether music or ringing follows on a turn to which nobody has said a word.

        `known`: the turn before it was a machine's. The first turn of a call must answer a ringing.
        """
        end_s = self._said[last - 1].end_s
        before_s = self._said[first - 1].start_s if known else self._start_s
        if not self._near or not self._line.unanswered(before_s, end_s):
            return False
        if not known and not self._calls_out():
            return False
        music = self._line.music.between(end_s - _SHORT_S, end_s + _TUNE_S, _MUSIC_S)
        rings = self._line.rings.between(end_s, end_s + _NEAR_S, ANSWER_S)
        return music or (rings and known)

    def _keyed(self, start_s: float, end_s: float) -> bool:
        """Whether a key answers a turn before any word does."""
        if not self._near:
            return False
        for key_s, _ in self._line.keys.runs:
            if start_s + _SHORT_S < key_s < end_s + 2 * _NEAR_S:
                # after a dial tone somebody else is called: a consultation, or another call
                asked = self._line.dials.between(start_s, key_s, _SHORT_S / 2)
                return self._line.unanswered(start_s, key_s) and not asked
        return False

    def _opening(self, turns: list[tuple[int, int]], *, over: bool) -> int:
        """How many of the first utterances a machine spoke, before anybody answered it."""
        if not self._near or not self._said:
            return 0
        first_s = self._line.first_answer_s
        opening = [last for _, last in turns if self._said[last - 1].end_s < first_s + _SHORT_S]
        if not opening:
            return 0
        count = opening[-1]
        voiced_s = sum(said.voiced_s for said in self._said[:count])
        for beep_s, over_s in self._line.beeps.runs:
            # a vowel may ring like a beep; nobody speaks on after one
            before = [last for last in opening if self._said[last - 1].end_s < over_s + _ECHO_S]
            if before and beep_s - self._said[before[-1] - 1].end_s < _NEAR_S and voiced_s >= 1.0:
                return before[-1]
        if not over or not self._calls_out() or first_s < float("inf") or not self._line.near_alive:
            return 0
        return count if voiced_s >= _WORDLESS_S else 0

    def _calls_out(self) -> bool:
        """Whether the near end has dialled, or heard it ring."""
        first_s = self._said[0].start_s
        return any(start < first_s for start, end in self._line.tones.runs if end - start >= 0.1)
