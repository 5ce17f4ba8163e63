"""Compares a card's sample count with the system's clock: sound lost unseen, and drift. Pure."""

from __future__ import annotations

_WINDOW_S = 4.0
_GAP_S = 0.18
"""A sound server changes its latency by more than a tenth of a second as programs come and go."""
_OVERFLOW_GAP_S = 0.02
_CREEP_S = _WINDOW_S * 1e-3
"""No crystal is a thousandth off: what moves faster is lost sound, however small its pieces."""
_FIRST_DRIFT_S = 60.0
_FORGET = 1.0 - _WINDOW_S / 3600.0
"""Weight that is left of a window at the next one: the drift is that of the last hour or so."""


class StreamClock:
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
        self._slope = _Slope()
        self.drift_ppm: float | None = None
        """How much faster than the system the card runs; None for the first minute."""

    def piece(self, samples: int, end_s: float, *, dropped: int = 0, overflow: bool = False) -> int:
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
            self._slope = _Slope()
        self._reference_s = min(late, reference + _CREEP_S)
        self._slope.add(end_s, self._reference_s)
        if self._slope.covers_s >= _FIRST_DRIFT_S:
            self.drift_ppm = -round(self._slope.value * 1e6, 1)
        return 0


class _Slope:
    """Least-squares slope of the points so far, the old ones fading."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)
        self.covers_s = 0.0

    def add(self, at: float, value: float) -> None:
        """Take the next point."""
        self._first = self._first or (at, value)
        x, y = at - self._first[0], value - self._first[1]
        new = (1.0, x, y, x * x, x * y)
        self._sums = tuple(  # type: ignore[assignment]
            old * _FORGET + each for old, each in zip(self._sums, new, strict=True)
        )
        self.covers_s = x

    @property
    def value(self) -> float:
        """Change of value a second."""
        n, x, y, xx, xy = self._sums
        return (xy - x * y / n) / (xx - x * x / n)
