"""Names the special information tones (SIT) and the tones of fax machines and modems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.records import BLOCK_S, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.hearing.measured import Lines

SIT_HZ = ((895.0, 1010.0), (1340.0, 1460.0), (1740.0, 1840.0))
"""Ranges in Hz of the three tones, one after the other, 330 ms each (ITU-T E.180)."""
FAX_HZ = ((1100.0, 0.035, 0.38), (2100.0, 0.015, 0.5))
"""A calling (CNG, ITU-T T.30) and an answering (CED) machine: Hz, relative tolerance (T.30: 38 Hz
and 15 Hz), seconds to be sure."""

_PURE = 0.6
"""The one line's least share of the energy between 200 and 3600 Hz."""
_SIT_ON_S, _SIT_GAP_S = 0.15, 0.25
"""The least length of each of the three tones, and the longest gap between two of them."""


class SitAndFax:
    """Follows the one strongest line of a side through time."""

    def __init__(self) -> None:
        self._steps = 0
        """Special information tones heard in order."""
        self._step_s = self._since_s = 0.0
        self._fax_s = [0.0] * len(FAX_HZ)
        self._busy = False
        """Whether the last block was one line."""

    def feed(
        self, lines: Lines, levels_db: Sequence[float], threshold_db: float
    ) -> list[State | None]:
        """SIT or FAX for each block that carries it for sure, NOISE while it may, else None."""
        if not (self._steps or self._busy) and max(lines.first_share) <= _PURE:
            return [None] * len(levels_db)
        columns = zip(lines.first_hz, lines.first_share, levels_db, strict=True)
        out: list[State | None] = []
        for hz, share, level in columns:
            pure = share > _PURE and level > threshold_db
            if not (pure or self._steps or self._busy):
                out.append(None)
                continue
            line_hz = hz if pure else 0.0
            out.append(self._fax(line_hz) or self._sit(line_hz))
            self._busy = pure
        return out

    def _fax(self, hz: float) -> State | None:
        for index, (wanted, tolerance, sure_s) in enumerate(FAX_HZ):
            if abs(hz / wanted - 1.0) > tolerance:
                self._fax_s[index] = 0.0
                continue
            self._fax_s[index] += BLOCK_S
            if self._fax_s[index] >= sure_s:
                return State.FAX
            return State.NOISE
        return None

    def _sit(self, hz: float) -> State | None:
        self._since_s += BLOCK_S
        if self._since_s > _SIT_GAP_S:
            self._steps, self._step_s = 0, 0.0
        low, high = SIT_HZ[min(self._steps, len(SIT_HZ) - 1)]
        if not low <= hz <= high:
            self._step_s = 0.0
            if not self._steps:
                return None
            if SIT_HZ[self._steps - 1][0] <= hz <= SIT_HZ[self._steps - 1][1]:
                self._since_s = 0.0
            return State.NOISE
        self._step_s += BLOCK_S
        self._since_s = 0.0
        if self._step_s < _SIT_ON_S:
            return State.NOISE
        if self._steps == len(SIT_HZ) - 1:
            return State.SIT
        self._steps, self._step_s = self._steps + 1, 0.0
        return State.NOISE
