"""Names a call-progress tone by its frequencies and its rhythm."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sered.hearing.tones import LONG, PLANS, TOLERANCE, Tone
from sered.records import BLOCK, BLOCK_S, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.hearing.measured import Lines
    from sered.settings import PlanName

_PURE = 0.6
"""The tone's least share of the energy between 200 and 3600 Hz."""
_ROUNDED = 0.001
"""Shares that are summed in single precision may be off by less."""
_TWIST_DB = 9.0
"""The two lines of a pair differ in level by less."""
_BLURRED_HZ = 30.0
"""Two lines that are closer are seen as one between them: 128 ms tell no less apart."""
_GAP_DB, _CLEAR_GAP_DB = 3.0, 12.0
"""A pause is quieter than the bursts around it by the first; by the second it needs no further
proof of being line noise. The pauses of a tune are neither."""
_HANG_UP = frozenset({State.BUSY, State.REORDER})
_STEADY_DB = 3.0
"""From block to block line noise varies by less."""
_LEAST_BLOCKS = 3
"""Blocks of the shortest burst."""
_BLUR_S = 1.5 * BLOCK_S
"""The window of four blocks shortens every burst by so much, and lengthens every pause."""
_MARGIN_S = 0.07
"""A burst or pause may be off by two blocks, and by 8 % of its length besides."""
_NOT_AT_ALL = (float("inf"), 0.0)
_HANG_UP_GAP_S, _RING_GAP_S = 1.0, 6.0
"""The longest pause of a hang-up tone and of ringback; after a longer one a rhythm is over."""


@dataclass(frozen=True, slots=True)
class _Burst:
    """A tone between two pauses, and the pause before it."""

    seconds: float
    level_db: float
    votes: Counter[tuple[float, ...]]
    """Blocks that each set of frequencies explains."""


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float
    level_db: float
    empty: bool
    """Whether nothing stood out of the noise."""


class Cadence:
    """Names the tone that one side carries by its frequencies and its rhythm.

    Until its rhythm is known, a tone that sounds like a plan's dial tone is called DIAL, as it has
    been on without a break so far. Any other is NOISE; `since_s` tells later where it began.
    """

    def __init__(self, plan: PlanName = "auto") -> None:
        names = tuple(PLANS) if plan == "auto" else (plan,)
        self._tones = tuple(tone for name in names for tone in PLANS[name])
        self._sets = tuple(sorted({tone.hz for tone in self._tones}))
        self.since_s: list[float] = []
        """Of each block of the last frame: seconds that its rhythm has lasted at its end."""
        self.doubtful: list[bool] = []
        """Of each block of the last frame: whether it is no more than a tone's onset."""
        self._bursts: deque[_Burst] = deque(maxlen=4)
        self._pauses: deque[_Pause] = deque(maxlen=4)
        self._votes: Counter[tuple[float, ...]] = Counter()
        self._on_db: list[float] = []
        self._off_db: list[float] = []
        """Level of each block of the present burst, or of the present pause."""
        self._window_db: deque[float] = deque(maxlen=LONG // BLOCK)
        self._named: State | None = None
        self._rhythm_s = 0.0
        self._music = False

    def feed(
        self,
        lines: Lines,
        levels_db: Sequence[float],
        threshold_db: float,
        *,
        music: bool = False,
    ) -> list[State | None]:
        """The tone of each block of a frame, or None; blocks quieter than `threshold_db` have none.

        `music`: music was heard a moment ago, so a rhythm must be beyond doubt.
        """
        self._music = music
        if self._idle and max(lines.tonal) < _PURE - _ROUNDED:
            # no block can carry a tone, and there is no rhythm that it could end
            self._window_db.extend(levels_db)
            self.since_s, self.doubtful = [0.0] * len(levels_db), [False] * len(levels_db)
            return [None] * len(levels_db)
        out: list[State | None] = []
        self.since_s, self.doubtful = [], []
        columns = zip(
            lines.first_hz,
            lines.second_hz,
            lines.first_share,
            lines.second_share,
            levels_db,
            strict=True,
        )
        for one, two, share_one, share_two, level_db in columns:
            self._window_db.append(level_db)
            sounds = level_db > max(threshold_db, max(self._window_db) - 6.0)
            tonal = sounds and share_one + share_two > _PURE
            sets = self._match(one, two, share_one, share_two) if tonal else []
            if sets:
                self._on(sets, level_db, threshold_db)
            else:
                self._off(level_db)
            out.append(self._name() if sets else None)
            self.since_s.append(self._rhythm_s + self._on_s)
            self.doubtful.append(0 < len(self._on_db) <= _LEAST_BLOCKS and out[-1] is State.NOISE)
        return out

    def pass_by(self, levels_db: Sequence[float]) -> None:
        """Take the levels of blocks that are too quiet for a look at their spectrum."""
        if not self._idle:
            for level_db in levels_db:
                self._off(level_db)
        self._window_db.clear()

    def reset(self) -> None:
        """Forget the rhythm: something else has been heard."""
        self._bursts.clear()
        self._pauses.clear()
        self._votes = Counter()
        self._on_db, self._off_db = [], []
        self._named = None
        self._rhythm_s = 0.0

    @property
    def _idle(self) -> bool:
        """Whether nothing of a rhythm is known: neither a burst nor the beginning of one."""
        return not (self._on_db or self._bursts)

    @property
    def _on_s(self) -> float:
        return len(self._on_db) * BLOCK_S

    def _match(
        self, one: float, two: float, share_one: float, share_two: float
    ) -> list[tuple[float, ...]]:
        """Every set of frequencies that these lines may be: 432 Hz may be 425 Hz as well as 440."""
        pair = share_two > share_one * 10 ** (-_TWIST_DB / 10) and share_one + share_two > _PURE
        heard = (min(one, two), max(one, two)) if pair else (one,)
        if not pair and share_one <= _PURE:
            return []
        return [hz for hz in self._sets if _explains(hz, heard)]

    def _on(self, sets: list[tuple[float, ...]], level_db: float, threshold_db: float) -> None:
        if not self._on_db:
            if self._bursts:
                self._pauses.append(_pause(self._off_db, threshold_db, music=self._music))
            self._off_db = []
            self._votes = Counter()
        self._on_db.append(level_db)
        self._votes.update(sets)

    def _off(self, level_db: float) -> None:
        if self._on_db:
            if len(self._on_db) >= _LEAST_BLOCKS:
                self._bursts.append(_Burst(self._on_s, _middle(self._on_db), self._votes))
            elif self._pauses and self._bursts:
                pause = self._pauses.pop()
                blocks = round(pause.seconds / BLOCK_S)
                self._off_db = [pause.level_db] * blocks + self._on_db
            self._on_db = []
        self._off_db.append(level_db)
        longest_s = _HANG_UP_GAP_S if self._named in _HANG_UP else _RING_GAP_S
        if len(self._off_db) * BLOCK_S > longest_s:
            self.reset()

    def _name(self) -> State:
        if len(self._on_db) <= _LEAST_BLOCKS and self._named in (None, State.DIAL):
            return State.NOISE
        heard = self._votes.copy()
        for burst in self._bursts:
            heard += burst.votes
        most = heard.most_common(1)[0][1]
        sets = {hz for hz, count in heard.items() if count >= 0.3 * most}
        tones = [tone for tone in self._tones if tone.hz in sets]
        dial = any(tone.state is State.DIAL for tone in tones)
        if {tone.state for tone in tones} == {State.RINGBACK}:
            self._named = State.RINGBACK
        elif self._on_s > max((t.cadence_s[0] for t in tones if t.cadence_s), default=0.0) + 0.3:
            self._named = State.DIAL if dial else None
        elif self._bursts and self._pauses:
            self._named = self._by_rhythm(tones) or self._named
        return self._named or (State.DIAL if dial else State.NOISE)

    def _by_rhythm(self, tones: list[Tone]) -> State | None:
        best: tuple[float, float, State] | None = None
        for tone in tones:
            if not tone.cadence_s:
                continue
            error, lasted_s = self._error(tone.cadence_s)
            if error < 1.0 and (best is None or error < best[0]):
                best = (error, lasted_s, tone.state)
        if best is None:
            return None
        self._rhythm_s = best[1]
        return best[2]

    def _error(self, cadence: tuple[float, ...]) -> tuple[float, float]:
        """How far off this rhythm the last bursts are (under 1: they are it), and for how long."""
        heard: list[float] = []
        best = _NOT_AT_ALL
        for burst, pause in list(zip(reversed(self._bursts), reversed(self._pauses), strict=False)):
            if pause.level_db > burst.level_db - _GAP_DB or not (
                pause.empty or pause.level_db < burst.level_db - _CLEAR_GAP_DB
            ):
                break
            heard = [burst.seconds + _BLUR_S, pause.seconds - _BLUR_S, *heard]
            best = min(best, (self._misfit(cadence, heard), sum(heard)))
        return best

    def _misfit(self, cadence: tuple[float, ...], heard: list[float]) -> float:
        errors = [float("inf")]
        for turn in range(0, len(cadence), 2):
            wanted = (cadence[turn:] + cadence[:turn]) * len(heard)
            # two bursts and their pause are enough once the second has been on for its time
            lasting = not self._music and self._on_s + _BLUR_S >= wanted[len(heard)] - _MARGIN_S
            if len(heard) == 2 and cadence[0] + cadence[1] < 3.0 and not lasting:
                continue
            pairs = zip(heard, wanted, strict=False)
            errors.append(max(abs(a - b) / (_MARGIN_S + 0.08 * b) for a, b in pairs))
        return min(errors)


def _explains(hz: tuple[float, ...], heard: tuple[float, ...]) -> bool:
    if len(hz) == 2 and hz[1] - hz[0] < _BLURRED_HZ and len(heard) == 1:
        hz = ((hz[0] + hz[1]) / 2.0,)
    return len(hz) == len(heard) and all(
        abs(h / f - 1.0) <= TOLERANCE for h, f in zip(heard, hz, strict=True)
    )


def _pause(levels_db: list[float], threshold_db: float, *, music: bool) -> _Pause:
    level_db = _middle(levels_db)
    inner = levels_db[2:-1]
    steady = not music and len(inner) > 1 and max(inner) - min(inner) < _STEADY_DB
    return _Pause(len(levels_db) * BLOCK_S, level_db, empty=steady or level_db <= threshold_db)


def _middle(levels_db: list[float]) -> float:
    return sorted(levels_db)[len(levels_db) // 2]
