"""Call-progress tones and DTMF: the plans as data, and the detectors."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.records import BLOCK, RATE_HZ, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sered.settings import PlanName

BLOCK_S = BLOCK / RATE_HZ


@dataclass(frozen=True, slots=True)
class Tone:
    """One call-progress tone."""

    state: State
    hz: tuple[float, ...]
    """Sounding together."""
    cadence_s: tuple[float, ...] = ()
    """On, off, on, off ...; empty: continuous."""


PLANS: dict[str, tuple[Tone, ...]] = {
    "na": (
        Tone(State.DIAL, (350.0, 440.0)),
        Tone(State.RINGBACK, (440.0, 480.0), (2.0, 4.0)),
        Tone(State.BUSY, (480.0, 620.0), (0.5, 0.5)),
        Tone(State.REORDER, (480.0, 620.0), (0.25, 0.25)),
    ),
    "etsi": (
        Tone(State.DIAL, (425.0,)),
        Tone(State.RINGBACK, (425.0,), (1.0, 4.0)),
        Tone(State.BUSY, (425.0,), (0.5, 0.5)),
        Tone(State.REORDER, (425.0,), (0.25, 0.25)),
    ),
    "uk": (
        Tone(State.DIAL, (350.0, 440.0)),
        Tone(State.RINGBACK, (400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
        Tone(State.BUSY, (400.0,), (0.375, 0.375)),
        Tone(State.REORDER, (400.0,), (0.4, 0.35, 0.225, 0.525)),
    ),
    "fr": (
        Tone(State.DIAL, (440.0,)),
        Tone(State.RINGBACK, (440.0,), (1.5, 3.5)),
        Tone(State.BUSY, (440.0,), (0.5, 0.5)),
        Tone(State.REORDER, (440.0,), (0.25, 0.25)),
    ),
    "au": (
        Tone(State.DIAL, (413.0, 438.0)),
        Tone(State.RINGBACK, (413.0, 438.0), (0.4, 0.2, 0.4, 2.0)),
        Tone(State.BUSY, (425.0,), (0.375, 0.375)),
        Tone(State.REORDER, (425.0,), (0.25, 0.25)),
    ),
}
HOWLER_HZ = (1400.0, 2060.0, 2450.0, 2600.0)
"""Off-hook howler, 0.1 s on and off."""
SIT_HZ = ((900.0, 1000.0), (1340.0, 1460.0), (1740.0, 1840.0))
"""Ranges of the three special information tones, one after the other, some 330 ms each."""
CNG_HZ = 1100.0
CED_HZ = 2100.0
"""A calling and an answering fax or modem."""
DTMF_ROWS_HZ = (697.0, 770.0, 852.0, 941.0)
DTMF_COLUMNS_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
DTMF_KEYS = ("123A", "456B", "789C", "*0#D")

LONG = 4 * BLOCK
"""Samples behind a decision on call-progress tones: 128 ms tell 440 from 480 Hz."""
SHORT = 2 * BLOCK
"""Samples behind a decision on DTMF and the howler: 64 ms."""
_TOLERANCE = 0.025
"""Accepted error of a frequency: 1.8 % of the exchange, the rest of the sound card's clock."""
_DTMF_TOLERANCE = 0.025
_HANG_UP = frozenset({State.BUSY, State.REORDER})
_HANG_UP_GAP_S, _RING_GAP_S = 1.0, 6.0
"""After a longer pause a rhythm is over."""
_PURE = 0.6
"""Share of the band's energy that has to lie in the tone."""
_LOW_HZ, _HIGH_HZ = 200.0, 3600.0
_TWIST_DB = 9.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """The two strongest lines of each block's spectrum; arrays of one entry a block."""

    first_hz: NDArray[np.float64]
    second_hz: NDArray[np.float64]
    first_share: NDArray[np.float64]
    """Share of the energy between 200 and 3600 Hz."""
    second_share: NDArray[np.float64]


_HANN = {size: np.hanning(size + 1)[:-1].astype(np.float32) for size in (LONG, SHORT)}


def _windows(pcm: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """One window a block, each ending where its block ends; `pcm` carries LONG - BLOCK before."""
    view = np.lib.stride_tricks.sliding_window_view(pcm[LONG - size :], size)[::BLOCK]
    return np.asarray(view * _HANN[size])


def spectra(pcm: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Power spectra, one row a block of the sound after the first LONG - BLOCK samples."""
    spectrum = np.fft.rfft(_windows(pcm, size), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def _refine(
    power: NDArray[np.float32], rows: NDArray[np.intp], at: NDArray[np.intp]
) -> NDArray[np.float64]:
    left, mid, right = (np.log(power[rows, at + k] + 1e-12) for k in (-1, 0, 1))
    bend = left - 2.0 * mid + right
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0.0)
    return np.asarray(at + np.clip(shift, -0.5, 0.5), dtype=np.float64)


def peaks(power: NDArray[np.float32], size: int) -> Peaks:
    """The two strongest spectral lines of each row, with exact frequencies."""
    step = RATE_HZ / size
    low, high = int(_LOW_HZ / step), int(_HIGH_HZ / step)
    rows = np.arange(len(power))
    band = power.copy()
    band[:, :low] = 0.0
    band[:, high:] = 0.0
    total = band.sum(axis=1) + 1e-9
    found = []
    for _ in range(2):
        at = np.clip(band.argmax(axis=1), low, high)
        near = at[:, None] + np.arange(-2, 3)
        share = band[rows[:, None], near].sum(axis=1) / total
        found.append((_refine(power, rows, at) * step, share))
        band[rows[:, None], near] = 0.0
    (first_hz, first), (second_hz, second) = found
    return Peaks(first_hz, second_hz, first, second)


def dtmf_keys(power: NDArray[np.float32]) -> list[str]:
    """The key that each row of a SHORT spectrum carries, or ''."""
    found = peaks(power, SHORT)
    out = []
    for one, two, share_one, share_two in zip(
        found.first_hz, found.second_hz, found.first_share, found.second_share, strict=True
    ):
        key = ""
        if share_one + share_two > 0.8 and share_two > 0.07:
            row = _nearest(min(one, two), DTMF_ROWS_HZ)
            column = _nearest(max(one, two), DTMF_COLUMNS_HZ)
            if row is not None and column is not None:
                key = DTMF_KEYS[row][column]
        out.append(key)
    return out


def _nearest(hz: float, names: tuple[float, ...]) -> int | None:
    index = min(range(len(names)), key=lambda i: abs(names[i] - hz))
    return index if abs(names[index] - hz) <= _DTMF_TOLERANCE * names[index] else None


class DtmfKeys:
    """Makes sure of dialled keys: two blocks in a row carry the same one."""

    def __init__(self) -> None:
        self._last = ""

    def hear(self, keys: list[str]) -> list[bool]:
        """Take one frame's keys; True for the blocks that carry one for sure."""
        before = [self._last, *keys[:-1]]
        after = [*keys[1:], ""]
        self._last = keys[-1]
        return [
            bool(key) and key in (left, right)
            for left, key, right in zip(before, keys, after, strict=True)
        ]


def howls(power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each row of a SHORT spectrum carries the four lines of the howler."""
    step = RATE_HZ / SHORT
    total = power[:, int(_LOW_HZ / step) : int(_HIGH_HZ / step)].sum(axis=1) + 1e-9
    rows = np.arange(len(power))[:, None]
    shares = []
    for hz in HOWLER_HZ:
        width = hz * _TOLERANCE
        low, high = int(np.floor((hz - width) / step)), int(np.ceil((hz + width) / step)) + 1
        at = low + power[:, low:high].argmax(axis=1)
        shares.append(power[rows, at[:, None] + np.arange(-2, 3)].sum(axis=1) / total)
    stacked = np.stack(shares)
    return np.asarray((stacked.sum(axis=0) > 0.75) & (stacked > 0.04).all(axis=0))


class Howler:
    """Makes sure of the off-hook howler: half of the last second carries its four lines."""

    _WITHIN = 24
    _ENOUGH = 8

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=self._WITHIN)

    def hear(self, *, howls: bool) -> bool:
        """Take one block; True while the howler sounds."""
        self._recent.append(howls)
        return howls and sum(self._recent) >= self._ENOUGH


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
        self._on_s += BLOCK_S
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
            and all(abs(h / f - 1.0) <= _TOLERANCE for h, f in zip(heard, hz, strict=True))
        ]

    def _begin(self) -> None:
        if self._runs:
            self._gaps.append(self._off_s)
        self._off_s = 0.0
        self._votes = Counter()

    def _off(self) -> None:
        if self._on_s:
            if self._on_s >= 3 * BLOCK_S:
                self._runs.append((self._on_s, self._votes))
            elif self._gaps and self._runs:
                self._off_s = self._gaps.pop() + self._on_s
            self._on_s = 0.0
        self._off_s += BLOCK_S
        if self._off_s > (_HANG_UP_GAP_S if self._named in _HANG_UP else _RING_GAP_S):
            self.reset()

    def _name(self) -> State:
        if self._on_s < 4 * BLOCK_S and self._named in (None, State.DIAL):
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
            heard += [on + 1.5 * BLOCK_S, gap - 1.5 * BLOCK_S]
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
