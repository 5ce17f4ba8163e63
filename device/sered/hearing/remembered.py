"""What the far end said, as hashes: in this call, and recordings of earlier ones. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sered.hearing import fingerprint
from sered.records import RATE_HZ

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answers = tuple[tuple[float, float], ...]

_TAPE_S = 0.2
"""A conversation that is played again has the other side's answers in the same places."""
HASH_S = fingerprint.STEP / RATE_HZ
"""Seconds from one hash to the next."""
_REMEMBERED_S = 15 * 60.0
"""Of recordings, in all calls and lines of a box."""
_REPEATED_S, _REPEATED_SHARE = 1.4, 0.4
"""So much of an utterance, and such a share, must have been heard before."""


@dataclass(slots=True)
class FarTalk:
    """One utterance of the far end."""

    start_s: float
    end_s: float
    voiced_s: float
    hashes: NDArray[np.uint16]
    formulas: int
    heard_before: NDArray[np.bool_] = field(repr=False)
    """Of each hash, whether its sound was heard at another time, too."""
    answers: Answers = ()
    """When the near end spoke around it, from its start; of earlier calls only."""

    @property
    def repeats(self) -> bool:
        """Whether enough of it was heard before."""
        again = int(self.heard_before.sum())
        return again * HASH_S >= _REPEATED_S and again >= _REPEATED_SHARE * len(self.hashes)


class Remembered:
    """Recordings that the box has heard, as hashes; shared by its lines, in memory only."""

    def __init__(self) -> None:
        self._said: deque[FarTalk] = deque()

    def keep(self, said: FarTalk) -> None:
        """Add one; the oldest go."""
        # one step each: lines are threads, and a deque's are whole
        self._said.append(said)
        while sum(len(each.hashes) for each in list(self._said)) * HASH_S > _REMEMBERED_S:
            self._said.popleft()

    def all(self) -> list[FarTalk]:
        """What is remembered now."""
        return list(self._said)


class Again(NamedTuple):
    """Sound of one utterance that another has, too."""

    said: FarTalk
    other: FarTalk
    places: list[tuple[int, int]]
    """(hash of the one, hash of the other) where it lies in both."""


def same_places(here: Answers, there: Answers) -> bool:
    """Whether the near end speaks in the same places of both, and does speak."""
    if not here or not there:
        return False
    near = [
        any(abs(start - first) < _TAPE_S and abs(end - last) < _TAPE_S for first, last in there)
        for start, end in here
    ]
    # what was said before a tape began is in one of both only
    return sum(near) >= 0.7 * min(len(here), len(there))
