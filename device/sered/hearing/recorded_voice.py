"""Tells recorded voices (announcements, greetings, queues, menus) from people. Pure.

By what machines do and people do not: they play the same sound again, speak between two pieces of
hold music, beep, are answered with keys, and go on whatever is said to them. Kept are hashes and
times, never sound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from sered.hearing import fingerprint
from sered.hearing.beeps import Beeps
from sered.records import BLOCK, RATE_HZ, Side, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from sered.records import AudioFrame, Heard, Utterance

    _Answers = tuple[tuple[float, float], ...]

_BLOCK_S = BLOCK / RATE_HZ
_HASH_S = fingerprint.STEP / RATE_HZ
_REMEMBERED_S = 15 * 60.0
"""Of recordings, in all calls and lines of a box."""
_LOOK_BACK_S = 600.0
"""A queue says the same again long before."""
_REPEATED_S, _REPEATED_SHARE = 1.4, 0.4
"""So much of an utterance, and such a share, must have been heard before."""
_PAUSE_S = 2.0
"""A longer pause parts two turns of one side."""
_ANSWER_S = 0.35
"""What the other side says for less is a cough or a leak."""
_NEAR_S = 2.5
"""Music, a beep or a key within so much of a turn belongs to it."""
_TUNE_S = 4.0
"""A tune is known as one seconds after its first note."""
_SHORT_S = 1.0
_SCRAP_S = 0.6
"""A shorter piece of speech between music may be the music's."""
_WORDLESS_S = 1.5
"""Who is rung up does not speak for so long without a word from the caller in the whole call."""
_TAPE_S, _TAPE_NEAR_S = 0.2, 8.0
"""A conversation that is played again has the other side's answers in the same places."""
_MUSIC_S = 1.0
_MANY = 3
"""Phrases of machines in one turn that no person says."""
_CALLING = frozenset({State.DIAL, State.DTMF, State.RINGBACK})


@dataclass(slots=True)
class _Runs:
    """When something sounded: runs that pauses of `gap_s` do not break."""

    gap_s: float
    runs: list[tuple[float, float]] = field(default_factory=list)

    def feed(self, now_s: float, *, sounds: bool) -> None:
        """Take one block."""
        if not sounds:
            return
        end_s = now_s + _BLOCK_S
        if self.runs and now_s - self.runs[-1][1] <= self.gap_s:
            self.runs[-1] = (self.runs[-1][0], end_s)
        else:
            self.runs.append((now_s, end_s))

    def between(self, start_s: float, end_s: float, least_s: float) -> bool:
        """Whether a run of so much sounds in a stretch of time."""
        first = max(bisect_left(self.runs, (start_s,)) - 1, 0)
        for start, end in islice(self.runs, first, None):
            if start >= end_s:
                break
            if end > start_s and end - start >= least_s:
                return True
        return False

    def total_s(self, least_s: float) -> float:
        """Seconds of all runs of so much."""
        return sum(end - start for start, end in self.runs if end - start >= least_s)

    def forget(self, before_s: float) -> None:
        """Leave out what was over before."""
        self.runs = [run for run in self.runs if run[1] > before_s]


@dataclass(slots=True)
class _Said:
    """One utterance of the far end."""

    start_s: float
    end_s: float
    voiced_s: float
    hashes: NDArray[np.uint16]
    formulas: int
    heard_before: NDArray[np.bool_] = field(repr=False)
    """Of each hash, whether its sound was heard at another time, too."""
    answers: _Answers = ()
    """When the near end spoke around it, from its start; of earlier calls only."""

    @property
    def repeats(self) -> bool:
        again = int(self.heard_before.sum())
        return again * _HASH_S >= _REPEATED_S and again >= _REPEATED_SHARE * len(self.hashes)


class Remembered:
    """Recordings that the box has heard, as hashes; shared by its lines, in memory only."""

    def __init__(self) -> None:
        self._said: deque[_Said] = deque()

    def keep(self, said: _Said) -> None:
        """Add one; the oldest go."""
        # one step each: lines are threads, and a deque's are whole
        self._said.append(said)
        while sum(len(each.hashes) for each in list(self._said)) * _HASH_S > _REMEMBERED_S:
            self._said.popleft()

    def all(self) -> list[_Said]:
        """What is remembered now."""
        return list(self._said)


class RecordedVoices:
    """Follows one line; `feed` takes every block, `take` every utterance of the far end.

    Knows nothing of a line whose sides share a channel: its far end cannot be told apart.
    """

    def __init__(self, sides: Collection[Side], remembered: Remembered | None = None) -> None:
        self._far = Side.CUSTOMER in sides
        self._near = Side.AGENT in sides
        self._remembered = remembered or Remembered()
        self._answers = _Runs(0.5)
        self._music = _Runs(2.0)
        self._beep = Beeps()
        self._beeps = _Runs(0.1)
        self._keys = _Runs(0.3)
        self._tones = _Runs(0.5)
        self._dials = _Runs(0.5)
        self._rings = _Runs(0.5)
        self._said: list[_Said] = []
        self._start_s = 0.0
        self._alive = False
        """Whether the near end's channel is known to carry what is said there."""

    def begin(self, start_s: float) -> None:
        """A call began; what sounded before it is no part of it."""
        for runs in self._all_runs():
            runs.forget(start_s)
        self._said = []
        self._start_s = start_s

    def feed(self, frame: AudioFrame, blocks: Sequence[Heard]) -> None:
        """Take a frame and what its blocks were known as."""
        if not self._far:
            return
        self._beeps.runs += self._beep.feed(
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
        self._answers.feed(now_s, sounds=near is State.SPEECH)
        self._music.feed(now_s, sounds=far is State.MUSIC)
        self._keys.feed(now_s, sounds=State.DTMF in (far, near))
        self._rings.feed(now_s, sounds=far is State.RINGBACK)
        self._dials.feed(now_s, sounds=State.DIAL in (far, near))
        self._tones.feed(now_s, sounds=far in _CALLING or near in _CALLING)
        self._alive |= near is State.DTMF

    def take(self, utterance: Utterance, pcm: NDArray[np.int16], formulas: int = 0) -> None:
        """An utterance of the far end, its sound, and how many phrases in it machines say."""
        hashes = fingerprint.fingerprint(pcm[: len(pcm) if self._far else 0])
        said = _Said(
            utterance.start_s,
            utterance.end_s,
            utterance.voiced_s,
            hashes,
            formulas,
            np.zeros(len(hashes), bool),
        )
        for other in self._said:
            if said.start_s - other.start_s < _LOOK_BACK_S:
                self._compare(said, other, self._around(other))
        if self._near:
            for known in self._remembered.all():
                self._compare(said, known, known.answers)
        self._said.append(said)

    @property
    def unanswered(self) -> bool:
        """Whether the near end has rung up somebody and not said a word so far."""
        if not self._near or not self._said:
            return False
        return self._calls_out() and self._unanswered(self._start_s, self._said[-1].end_s)

    def flags(self, *, over: bool = False) -> list[bool]:
        """Of each utterance taken in this call, whether a machine spoke; `over`: it has ended."""
        flags = [False] * len(self._said)
        if not self._far:
            return flags
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
        self._alive = self._answers.total_s(_ANSWER_S) > 0.0
        first_answer_s = next(
            (start for start, end in self._answers.runs if end - start >= _ANSWER_S), float("inf")
        )
        for said, flag in zip(self._said, flags, strict=True):
            if len(said.hashes) >= fingerprint.MATCH and (flag or said.end_s < first_answer_s):
                said.answers = self._around(said)
                said.heard_before[:] = False
                self._remembered.keep(said)
        self._said = []

    def _all_runs(self) -> Sequence[_Runs]:
        return (
            self._answers,
            self._music,
            self._beeps,
            self._keys,
            self._tones,
            self._dials,
            self._rings,
        )

    def _compare(self, said: _Said, other: _Said, answers: _Answers) -> None:
        """Note what of an utterance was heard before, unless a whole conversation is."""
        found = fingerprint.again(said.hashes, other.hashes)
        if not found:
            return
        # the tape's shift follows from where the sounds lie in both
        shift_s = float(np.median([there - here for here, there in found])) * _HASH_S
        moved = tuple((start - shift_s, end - shift_s) for start, end in answers)
        if _same_places(self._around(said), moved):
            return
        for here, there in found:
            said.heard_before[here : here + fingerprint.MATCH] = True
            other.heard_before[there : there + fingerprint.MATCH] = True

    def _around(self, said: _Said) -> _Answers:
        return tuple(
            (start - said.start_s, end - said.start_s)
            for start, end in self._answers.runs
            if end - start >= _ANSWER_S
            and said.start_s - _TAPE_NEAR_S < start < said.end_s + _TAPE_NEAR_S
        )

    def _turns(self) -> list[tuple[int, int]]:
        """Utterances that follow on one another without an answer, music or ringing between."""
        turns: list[tuple[int, int]] = []
        for at, said in enumerate(self._said):
            before = self._said[at - 1] if at else None
            joined = (
                before is not None
                and said.start_s - before.end_s < _PAUSE_S
                and not self._answers.between(before.start_s, said.start_s, _ANSWER_S)
                and not self._music.between(before.end_s, said.start_s, _MUSIC_S)
                and not self._tones.between(before.end_s, said.start_s, _ANSWER_S)
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
        if repeated_s >= 0.5 * voiced_s or (repeated_s and self._unanswered(start_s, end_s)):
            return True
        before = self._music.between(start_s - _NEAR_S, start_s + _SHORT_S, _MUSIC_S)
        after = self._music.between(end_s - _SHORT_S, end_s + _TUNE_S, _MUSIC_S)
        formulas = sum(said.formulas for said in turn)
        if not self._unanswered(start_s, end_s):
            return formulas >= _MANY
        keyed = self._keyed(start_s, end_s)
        # who complains of a machine says what it says
        alone = known or before or after or (self._near and self._unanswered(self._start_s, end_s))
        between = before and after and voiced_s >= _SCRAP_S
        return between or keyed or formulas >= (1 if alone else _MANY)

    def _handed_on(self, first: int, last: int, *, known: bool) -> bool:
        """Whether music or ringing follows on a turn to which nobody has said a word.

        `known`: the turn before it was a machine's. The first turn of a call must answer a ringing.
        """
        end_s = self._said[last - 1].end_s
        before_s = self._said[first - 1].start_s if known else self._start_s
        if not self._near or not self._unanswered(before_s, end_s):
            return False
        if not known and not self._calls_out():
            return False
        music = self._music.between(end_s - _SHORT_S, end_s + _TUNE_S, _MUSIC_S)
        rings = self._rings.between(end_s, end_s + _NEAR_S, _ANSWER_S)
        return music or (rings and known)

    def _unanswered(self, start_s: float, end_s: float) -> bool:
        """Whether the near end is silent while a turn lasts."""
        return not self._answers.between(start_s, end_s, _ANSWER_S)

    def _keyed(self, start_s: float, end_s: float) -> bool:
        """Whether a key answers a turn before any word does."""
        if not self._near:
            return False
        for key_s, _ in self._keys.runs:
            if start_s + _SHORT_S < key_s < end_s + 2 * _NEAR_S:
                # after a dial tone somebody else is called: a consultation, or another call
                asked = self._dials.between(start_s, key_s, _SHORT_S / 2)
                return self._unanswered(start_s, key_s) and not asked
        return False

    def _opening(self, turns: list[tuple[int, int]], *, over: bool) -> int:
        """How many of the first utterances a machine spoke, before anybody answered it."""
        if not self._near or not self._said:
            return 0
        first_s = next(
            (start for start, end in self._answers.runs if end - start >= _ANSWER_S), float("inf")
        )
        opening = [last for _, last in turns if self._said[last - 1].end_s < first_s + _SHORT_S]
        if not opening:
            return 0
        count = opening[-1]
        voiced_s = sum(said.voiced_s for said in self._said[:count])
        for beep_s, _ in self._beeps.runs:
            before = [last for last in opening if self._said[last - 1].end_s <= beep_s + _SHORT_S]
            if before and beep_s - self._said[before[-1] - 1].end_s < _NEAR_S and voiced_s >= 1.0:
                return before[-1]
        if not over or not self._calls_out() or first_s < float("inf") or not self._alive:
            return 0
        return count if voiced_s >= _WORDLESS_S else 0

    def _calls_out(self) -> bool:
        """Whether the near end has dialled, or heard it ring."""
        first_s = self._said[0].start_s
        return any(start < first_s for start, end in self._tones.runs if end - start >= 0.1)


def _same_places(here: _Answers, there: _Answers) -> bool:
    """Whether the near end speaks in the same places of both, and does speak."""
    if not here or not there:
        return False
    near = [
        any(abs(start - first) < _TAPE_S and abs(end - last) < _TAPE_S for first, last in there)
        for start, end in here
    ]
    return sum(near) >= 0.7 * len(here)
