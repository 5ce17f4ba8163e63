"""Hears the beep after which an answering machine records: one pure tone, once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.records import BLOCK, RATE_HZ, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BLOCK_S = BLOCK / RATE_HZ
_LOWEST, _HIGHEST = 300 * BLOCK // RATE_HZ, 2600 * BLOCK // RATE_HZ
_PURE = 0.9
"""Share of the power within two lines of the strongest."""
_AUDIBLE_DB = -55.0
"""dB of full scale."""
_TONAL = frozenset({State.NOISE, State.DIAL, State.SPEECH})
_OTHER = frozenset(State) - _TONAL - {State.SILENCE, State.FAX}
"""What is no beep; a fax that calls has a beep's tone, but comes back."""
_TAPER = np.hanning(BLOCK).astype(np.float32)
_LEAST_S, _MOST_S = 0.12, 2.5
_AGAIN_S = 5.0
"""Tones that come back so soon are a cadence."""


class Beeps:
    """Follows one side; `feed` takes every frame."""

    def __init__(self) -> None:
        self._line = 0
        self._other = False
        """Whether the tone is known as something else."""
        self._start_s = self._end_s = 0.0
        self._last: tuple[float, float] | None = None
        self._before_s = float("-inf")

    def feed(
        self,
        pcm: NDArray[np.int16],
        start_s: float,
        states: Sequence[State],
        levels_db: Sequence[float],
    ) -> list[tuple[float, float]]:
        """Beeps that are sure now: start and end in seconds of line time."""
        lines = [0] * len(states)
        loud = [level > _AUDIBLE_DB for level in levels_db]
        if any(state in _TONAL and sounds for state, sounds in zip(states, loud, strict=True)):
            lines = _pure_lines(pcm.reshape(-1, BLOCK))
        found = []
        for at, line in enumerate(lines):
            now_s = start_s + at * _BLOCK_S
            line = line if loud[at] else 0  # noqa: PLW2901 - of what is too faint there is none
            if line and self._line and abs(line - self._line) <= 1:
                self._end_s = now_s + _BLOCK_S
            elif line:
                self._close()
                self._line, self._start_s, self._end_s = line, now_s, now_s + _BLOCK_S
                self._other = False
            elif self._line and now_s - self._end_s >= _BLOCK_S:
                self._close()
            self._other |= states[at] in _OTHER
            if self._last is not None and now_s - self._last[1] > _AGAIN_S:
                found.append(self._last)
                self._last = None
        return found

    def _close(self) -> None:
        """The tone is over; it is a beep unless it comes back, or has come back."""
        if self._line and self._end_s - self._start_s >= _LEAST_S:
            alone = self._start_s - self._before_s > _AGAIN_S
            fits = self._end_s - self._start_s <= _MOST_S and not self._other
            self._last = (self._start_s, self._end_s) if alone and fits else None
            self._before_s = self._end_s
        self._line = 0


def _pure_lines(blocks: NDArray[np.int16]) -> list[int]:
    """The spectral line of each block that is nothing but one tone; 0 of the others."""
    power = np.abs(np.fft.rfft(blocks * _TAPER, axis=1)) ** 2
    strongest = power[:, _LOWEST:_HIGHEST].argmax(axis=1) + _LOWEST
    near = strongest[:, None] + np.arange(-2, 3)
    share = np.take_along_axis(power, near, axis=1).sum(axis=1) / np.maximum(
        power[:, 2:].sum(axis=1), 1e-9
    )
    return np.where(share > _PURE, strongest, 0).tolist()  # type: ignore[no-any-return]  # a list of int
