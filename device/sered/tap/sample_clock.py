"""Compares a card's sample count with the system's clock: sound lost unseen, and drift. Pure."""

from __future__ import annotations

import statistics
from collections import deque

_WINDOW_S = 4.0
_GAP_S = 0.18
"""A sound server changes its latency by more than a tenth of a second as programs come and go."""
_OVERFLOW_GAP_S = 0.02
_CREEP_S = _WINDOW_S * 1e-3
"""No crystal is a thousandth off: what moves faster is lost sound, however small its pieces."""
_LEAP = 15
"""Windows from one end of a slope to the other: a minute."""
_HOUR_WINDOWS = 900


class SampleClock:
    """Follows one stream of a card that runs at `rate_hz`.

    Pieces of sound arrive late by turns, never early; so the earliest of each window of some
    seconds shows where the card's clock stands. It creeps with the drift, and jumps where sound
    is missing that nobody spoke of. A window is longer than any pause the tap allows, so that
    late sound, come in one rush, is not taken for lost.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._samples = 0
        self._reference_s: float | None = None
        self._window: list[float] = []
        self._window_from = 0
        self._overflow_windows = 0
        self._points: deque[tuple[float, float]] = deque(maxlen=_LEAP)
        self._slopes: deque[float] = deque(maxlen=_HOUR_WINDOWS)
        self.drift_ppm: float | None = None
        """How much faster than the system the card runs; None for the first minute."""

    def feed(self, samples: int, end_s: float, *, dropped: int = 0, overflow: bool = False) -> int:
        """Note a piece whose last sample came at `end_s` of the system's monotonic clock.

        `dropped`: samples known to be missing before it. Returns the samples found to be missing
        besides, at the card's rate; 0 nearly always.
        """
        self._samples += dropped + samples
        if overflow:
            # the hole shows whole in the window after this one
            self._overflow_windows = 2
        self._window.append(end_s - self._samples / self._rate_hz)
        if self._samples - self._window_from < _WINDOW_S * self._rate_hz:
            return 0
        late = min(self._window)
        missing = self._close_window(late, end_s)
        self._window.clear()
        self._window_from = self._samples
        self._overflow_windows = max(self._overflow_windows - 1, 0)
        return missing

    def _close_window(self, late: float, end_s: float) -> int:
        limit = _OVERFLOW_GAP_S if self._overflow_windows else _GAP_S
        reference = late if self._reference_s is None else self._reference_s
        if late - reference > limit:
            missing = round((late - reference) * self._rate_hz)
            self._samples += missing
            return missing
        if reference - late > limit:
            # the first sound came late, out of a full buffer: what was measured counts from here
            self._points.clear()
            self._slopes.clear()
        self._reference_s = min(late, reference + _CREEP_S)
        self._measure_drift(late, end_s)
        return 0

    def _measure_drift(self, late: float, end_s: float) -> None:
        """The last hour's median over a minute each: a jump of the latency spoils only its own."""
        if len(self._points) == _LEAP:
            before_s, before = self._points[0]
            self._slopes.append((late - before) / (end_s - before_s))
            self.drift_ppm = -round(statistics.median(self._slopes) * 1e6, 1)
        self._points.append((end_s, late))
