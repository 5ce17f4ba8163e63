"""Whose voice is it: keeps each side's leakage into the other side's channel out."""

from __future__ import annotations

from collections import deque
from math import log10
from typing import TYPE_CHECKING

import numpy as np

from sered.records import State

if TYPE_CHECKING:
    from collections.abc import Sequence


_SILENT = frozenset({State.SILENCE, State.NOISE})
_OWNED = frozenset({State.SPEECH, State.MUSIC})
_RECENT_BLOCKS = 6
"""A side that has sounded within 0.2 s is still leaking."""
_FAINT_DB = 20.0
"""A sound that is so much louder than its alleged source is no leak."""
_TAIL_DB, _LATELY_BLOCKS = 6.0, 32
"""What goes on from a leak, no louder above the quietest block of the last second, is the voice
detector's hang-over. Under a voice that leaks in all the time a floor cannot be learnt."""


class Leakage:
    """Predicts how loud one side's sound is in the other side's channel.

    A leak is fainter than its source by the same number of decibels all the time, whatever the
    gains of the two channels are. That number is learnt while the source is loud; until then the
    channels are taken to be equally loud.
    """

    _START_DB = 20.0
    _MARGIN_DB = 6.0
    _LOUD_DB = 12.0

    def __init__(self) -> None:
        self._loss_db = self._START_DB
        self._peak_db = -90.0
        self._recent_db: deque[float] = deque([-90.0], maxlen=_RECENT_BLOCKS)

    def feed(self, source: State, source_db: float, other_db: float, floor_db: float) -> bool:
        """Take one block; True when the other side carries nothing but leakage of the source.

        `floor_db` is the noise floor of the other side.
        """
        self._peak_db = max(self._peak_db - 0.003, source_db)
        self._recent_db.append(-90.0 if source in _SILENT else source_db)
        loudest_db = max(self._recent_db)
        if loudest_db <= -90.0:
            return False
        leak = 10.0 ** ((loudest_db - self._loss_db) / 10.0) + 10.0 ** (floor_db / 10.0)
        return other_db < 10.0 * log10(leak) + self._MARGIN_DB

    def learn(self, source: State, source_db: float, other_db: float) -> None:
        """How much of a block's source arrives at the other side; not to be asked of a leak."""
        if source not in _SILENT and source_db > self._peak_db - self._LOUD_DB:
            difference = source_db - other_db
            rate = 0.05 if difference > self._loss_db else 0.003
            self._loss_db += rate * (difference - self._loss_db)


class Ownership:
    """Gives every sound of a two-sided line to one side, and both voices where both speak."""

    def __init__(self) -> None:
        self._into_agent = Leakage()
        self._into_customer = Leakage()
        self._before = np.full((2, 1), -90.0)
        self._smoothed: deque[list[list[float]]] = deque()
        self._after_leak = [False, False]
        """Whether what the customer's and the agent's channel carry goes on from a leak."""
        self._lately = tuple(deque[float](maxlen=_LATELY_BLOCKS) for _ in range(2))

    def expect(self, levels_db: tuple[Sequence[Sequence[float]], ...]) -> None:
        """Smooth the levels of the frames that are settled next: customer's and agent's, a frame
        and block each."""
        levels = np.array(levels_db)
        before = np.concatenate((self._before[:, None], levels[:, :-1, -1:]), axis=1)
        padded = np.concatenate((before, levels, levels[:, :, -1:]), axis=2)
        power = 10.0 ** (padded / 10.0)
        mean = (power[..., :-2] + power[..., 1:-1] + power[..., 2:]) / 3.0
        self._smoothed = deque((10.0 * np.log10(mean)).swapaxes(0, 1).tolist())

    def settle(
        self,
        states: tuple[list[State], list[State]],
        levels_db: tuple[Sequence[float], Sequence[float]],
        floors_db: tuple[float, float],
    ) -> None:
        """Silence the leakage in the states of one frame's blocks, in place.

        Each pair is the customer's and the agent's.
        """
        customer, agent = states
        if not self._smoothed:
            self.expect(tuple([levels] for levels in levels_db))
        smooth = self._smoothed.popleft()
        self._before = np.array([[levels[-1]] for levels in levels_db])
        for index, (far, near) in enumerate(zip(list(customer), list(agent), strict=True)):
            far_db, near_db = smooth[0][index], smooth[1][index]
            to_customer = self._into_customer.feed(near, near_db, far_db, floors_db[0])
            to_agent = self._into_agent.feed(far, far_db, near_db, floors_db[1])
            # what leaks in is no source: music of minutes would in the end be its own leak's leak
            if not to_agent:
                self._into_customer.learn(near, near_db, far_db)
            if not to_customer:
                self._into_agent.learn(far, far_db, near_db)
            leaks = (
                to_customer and near_db > far_db - _FAINT_DB,
                to_agent and far_db > near_db - _FAINT_DB,
            )
            for of, (side, level_db) in enumerate(((customer, far_db), (agent, near_db))):
                self._lately[of].append(level_db)
                if side[index] not in _OWNED:
                    self._after_leak[of] = False
                    continue
                floor_db = max(floors_db[of], min(self._lately[of]))
                tail = self._after_leak[of] and level_db < floor_db + _TAIL_DB
                self._after_leak[of] = leaks[of] or tail
                if self._after_leak[of]:
                    side[index] = State.SILENCE
