"""Names a call-progress tone by its frequencies and its rhythm."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from sered.records import BLOCK, RATE_HZ, State
from sered.tones import LONG, PLANS, TOLERANCE, Tone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sered.settings import PlanName
    from sered.tones import Peaks

_BLOCK_S = BLOCK / RATE_HZ
_PURE = 0.6
"""Share of the band's energy that has to lie in the tone."""
_TWIST_DB = 9.0
"""Two lines further apart than this in level are no pair."""
_HANG_UP = frozenset({State.BUSY, State.REORDER})
_HANG_UP_GAP_S, _RING_GAP_S = 1.0, 6.0
"""After a longer pause a rhythm is over."""


class Cadence:
    """Names the tone that one side carries by its frequencies and its rhythm.

    A tone whose rhythm is not known yet is called dial tone: it has been on without a break.
    """

    def __init__(self, plan: PlanName = "auto") -> None:
        names = tuple(PLANS) if plan == "auto" else (plan,)
        self._tones = tuple(tone for name in names for tone in PLANS[name])
        self._sets = tuple(sorted({tone.hz for tone in self._tones}))
        self._runs: deque[tuple[float, Counter[tuple[float, ...]]]] = deque(maxlen=4)
        self._gaps: deque[float] = deque(maxlen=4)
        self._votes: Counter[tuple[float, ...]] = Counter()
        self._on_s = self._off_s = 0.0
        self._window_db: deque[float] = deque(maxlen=LONG // BLOCK)
        self._named: State | None = None

    def hear(
        self, lines: Peaks, levels_db: NDArray[np.float64], threshold_db: float
    ) -> list[State | None]:
        """The tone of each block, None without one; quieter blocks than `threshold_db` have none.

        NOISE stands for a tone's first three blocks, which may yet turn out to be something else.
        """
        out: list[State | None] = []
        columns = zip(
            lines.first_hz.tolist(),
            lines.second_hz.tolist(),
            lines.first_share.tolist(),
            lines.second_share.tolist(),
            levels_db.tolist(),
            strict=True,
        )
        for one, two, share_one, share_two, level_db in columns:
            self._window_db.append(level_db)
            sounds = level_db > max(threshold_db, max(self._window_db) - 6.0)
            sets = self._match(one, two, share_one, share_two) if sounds else []
            if sets:
                self._on(sets)
            else:
                self._off()
            out.append(self._name() if sets else None)
        return out

    def pass_by(self, blocks: int) -> None:
        """So many blocks had no sound."""
        for _ in range(blocks):
            self._off()
        self._window_db.clear()

    def _on(self, sets: list[tuple[float, ...]]) -> None:
        if not self._on_s:
            self._begin()
        self._on_s += _BLOCK_S
        self._votes.update(sets)

    def reset(self) -> None:
        """Forget the rhythm: something else has been heard."""
        self._runs.clear()
        self._gaps.clear()
        self._votes = Counter()
        self._on_s = self._off_s = 0.0
        self._named = None

    def _match(
        self, one: float, two: float, share_one: float, share_two: float
    ) -> list[tuple[float, ...]]:
        """Every set of frequencies that these lines may be: 432 Hz is both plans' 425 and 440."""
        pair = share_two > share_one * 10 ** (-_TWIST_DB / 10) and share_one + share_two > _PURE
        heard = (min(one, two), max(one, two)) if pair else (one,)
        if not pair and share_one <= _PURE:
            return []
        return [
            hz
            for hz in self._sets
            if len(hz) == len(heard)
            and all(abs(h / f - 1.0) <= TOLERANCE for h, f in zip(heard, hz, strict=True))
        ]

    def _begin(self) -> None:
        if self._runs:
            self._gaps.append(self._off_s)
        self._off_s = 0.0
        self._votes = Counter()

    def _off(self) -> None:
        if self._on_s:
            if self._on_s >= 3 * _BLOCK_S:
                self._runs.append((self._on_s, self._votes))
            elif self._gaps and self._runs:
                self._off_s = self._gaps.pop() + self._on_s
            self._on_s = 0.0
        self._off_s += _BLOCK_S
        if self._off_s > (_HANG_UP_GAP_S if self._named in _HANG_UP else _RING_GAP_S):
            self.reset()

    def _name(self) -> State:
        if self._on_s < 4 * _BLOCK_S and self._named in (None, State.DIAL):
            return State.NOISE
        heard = self._votes.copy()
        for _, votes in self._runs:
            heard += votes
        most = heard.most_common(1)[0][1]
        sets = {hz for hz, count in heard.items() if count >= 0.3 * most}
        tones = [tone for tone in self._tones if tone.hz in sets]
        if {tone.state for tone in tones} == {State.RINGBACK}:
            self._named = State.RINGBACK
        elif self._on_s > max((t.cadence_s[0] for t in tones if t.cadence_s), default=0.0) + 0.3:
            self._named = State.DIAL
        elif len(self._runs) >= 1 and self._gaps:
            self._named = self._by_rhythm(tones) or self._named
        return self._named or State.DIAL

    def _by_rhythm(self, tones: list[Tone]) -> State | None:
        ons = [on for on, _ in self._runs]
        best: tuple[float, State] | None = None
        for tone in tones:
            if not tone.cadence_s:
                continue
            error = self._error(tone.cadence_s, ons, list(self._gaps))
            if error is not None and error < 1.0 and (best is None or error < best[0]):
                best = (error, tone.state)
        return best[1] if best else None

    @staticmethod
    def _error(cadence: tuple[float, ...], ons: list[float], gaps: list[float]) -> float | None:
        heard: list[float] = []
        for on, gap in zip(ons[-len(gaps) :], gaps[-len(ons) :], strict=False):
            heard += [on + 1.5 * _BLOCK_S, gap - 1.5 * _BLOCK_S]
        wanted = max(len(cadence), 4)
        heard = heard[-wanted:]
        if len(heard) < 2 or (len(heard) < 4 and cadence[0] + cadence[1] < 3.0):
            return None
        errors = []
        for turn in range(0, len(cadence), 2):
            turned = cadence[turn:] + cadence[:turn]
            repeated = turned * len(heard)
            aligned = repeated[: len(heard)]
            errors.append(
                max(abs(a - b) / (0.07 + 0.08 * b) for a, b in zip(heard, aligned, strict=True))
            )
        return min(errors)
