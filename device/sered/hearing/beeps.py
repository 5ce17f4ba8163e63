"""Hears the beep after which an answering machine records: one pure tone, once. Pure."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from sered.records import BLOCK, RATE_HZ, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
_AT_ONCE = 8
"""Frames that are looked at together, at most."""
_LEAST_S, _MOST_S = 0.12, 2.5
_AGAIN_S = 5.0
"""Tones that come back so soon are a cadence."""


class Beeps:
    """Follows one side; `feed` takes every frame."""

    def __init__(self) -> None:
        self._expected: deque[NDArray[np.int16]] = deque()
        self._measured: list[tuple[NDArray[np.int16], list[int]]] = []
        self._line = 0
        self._other = False
        """Whether the tone is known as something else."""
        self._start_s = self._end_s = 0.0
        self._last: tuple[float, float] | None = None
        self._before_s = float("-inf")

    def expect(self, frames: Iterable[NDArray[np.int16]]) -> None:
        """These are fed next: they are looked at some at a time."""
        self._expected = deque(frames)

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
            lines = self._lines(pcm)
        if not (self._line or self._last or any(lines)):
            return []
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

    def _lines(self, pcm: NDArray[np.int16]) -> list[int]:
        """Of each block of a frame that sounds: see `_pure_lines`."""
        for measured, lines in self._measured:
            if measured is pcm:
                return lines
        while self._expected and self._expected[0] is not pcm:
            self._expected.popleft()
        frames = list(islice(self._expected, _AT_ONCE)) or [pcm]
        rows = iter(_pure_lines(np.concatenate(frames).reshape(-1, BLOCK)))
        self._measured = [(frame, list(islice(rows, len(frame) // BLOCK))) for frame in frames]
        return self._measured[0][1]

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
    spectrum = np.fft.rfft((blocks * _TAPER).astype(np.float64), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    strongest = power[:, _LOWEST:_HIGHEST].argmax(axis=1) + _LOWEST
    near = strongest[:, None] + np.arange(-2, 3)
    share = np.take_along_axis(power, near, axis=1).sum(axis=1) / np.maximum(
        power[:, 2:].sum(axis=1), 1e-9
    )
    return np.where(share > _PURE, strongest, 0).tolist()  # type: ignore[no-any-return]  # a list of int
