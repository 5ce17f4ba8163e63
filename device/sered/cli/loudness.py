"""How loud each side of a recording is over its length, for a picture; no sound is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.levels import powers_db
from sered.records import FRAME, RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from sered.records import AudioFrame, Side

_CELL = FRAME // 4


@dataclass(frozen=True, slots=True)
class Loudness:
    """Level of every side over a recording."""

    step_s: float
    level_db: Mapping[Side, NDArray[np.float64]]
    """RMS in dBFS, one number a step."""

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.step_s * max((len(level) for level in self.level_db.values()), default=0)


def loudness(frames: Iterable[AudioFrame]) -> Loudness:
    """Level of a recording's sides, 64 ms a step; goes through it once and keeps no sound."""
    cells: dict[Side, list[NDArray[np.float64]]] = {}
    for frame in frames:
        for side, pcm in frame.pcm.items():
            power = np.mean(np.square(pcm.reshape(-1, _CELL).astype(np.float32)), axis=1)
            cells.setdefault(side, []).append(powers_db(power))
    level_db = {side: np.concatenate(pieces) for side, pieces in cells.items()}
    return Loudness(_CELL / RATE_HZ, level_db)
