"""Whether a line's sides are what they are called: one sound on both, exchanged, or empty. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.levels import LOWEST_DB
from sered.records import BLOCK, FRAME, RATE_HZ, Side, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from sered.records import AudioFrame, Heard

SAME = "same_on_both"
EXCHANGED = "sides_exchanged"
NO_CUSTOMER = "customer_never_heard"
NO_AGENT = "agent_never_heard"

_BLOCK_S = BLOCK / RATE_HZ
_SPOKEN_BLOCKS = 4
"""Blocks of speech, of a frame's eight, with which two channels are compared."""
_AUDIBLE_DB = -65.0
"""dB of full scale; under it lies the noise of an open line."""
_LAG = round(0.03 * RATE_HZ)
"""A card or a mixer may delay one channel by so much."""
_ALIKE = 0.9
"""Correlation of a frame in which two channels carry the same."""
_COMPARED, _MOST_COMPARED = 14, 120
"""Frames of speech before channels are called the same: 3.6 s; and the most that count."""
_ALIKE_SHARE = 0.85
"""Of the compared frames that have to be alike."""
_LOSS_DB, _SPREAD_DB = 8.0, 2.5
"""A voice that leaks into the other channel is fainter there than a copy would be, and by turns it
is one channel's voice and the other's."""
_TONES = frozenset({State.DIAL, State.RINGBACK, State.BUSY, State.REORDER})
_CLEARLY_DB = 6.0
_TONE_S, _FEWER = 1.0, 0.25
"""Tones of the exchange on the agent's side that are more than chance; and fewer than so many of
them on the customer's."""
_NEVER_S, _SPOKE_S = 0.5, 10.0
"""Who spoke less was never heard, where the other one spoke for longer."""
_NOTHING_DB, _ONE_SIDED_S = -70.0, 3.0
"""A channel that is never louder carries nothing; it takes less of the other's speech to tell."""


@dataclass(slots=True)
class _Heard:
    """What one side carried since the last call was over."""

    speech_s: float = 0.0
    tone_s: float = 0.0
    """Tones of the exchange that are clearly louder here than on the other side."""
    loudest_db: float = LOWEST_DB


class SidesWatch:
    """Follows both sides of one line; without a customer's and an agent's it finds nothing.

    `end` when a call is over; tones before a call count to it.
    """

    def __init__(self, sides: Collection[Side]) -> None:
        self._both = Side.CUSTOMER in sides and Side.AGENT in sides
        self.lasting: tuple[str, ...] = ()
        """What was wrong in the last call that told, until one tells otherwise."""
        self._heard: dict[Side, _Heard] = {}
        self._pairs: deque[tuple[float, float]] = deque(maxlen=_MOST_COMPARED)
        self._forget()

    def feed(self, frame: AudioFrame, blocks: Sequence[Heard]) -> None:
        """Take a frame and what its blocks were known as."""
        if not self._both:
            return
        for heard in blocks:
            self._count(heard)
        spoken = sum(State.SPEECH in heard.states.values() for heard in blocks)
        if spoken >= _SPOKEN_BLOCKS:
            pair = _compare(frame.pcm[Side.AGENT], frame.pcm[Side.CUSTOMER])
            if pair is not None:
                self._pairs.append(pair)

    def now(self) -> tuple[str, ...]:
        """What is wrong with the call so far, the gravest first."""
        if not self._both:
            return ()
        if self._same():
            return (SAME,)
        far, near = self._heard[Side.CUSTOMER], self._heard[Side.AGENT]
        told = near.tone_s >= _TONE_S and far.tone_s <= _FEWER * near.tone_s
        if told or (EXCHANGED in self.lasting and far.tone_s < _TONE_S):
            return (EXCHANGED,)
        if _missing(far, near):
            return (NO_CUSTOMER,)
        return (NO_AGENT,) if _missing(near, far) and near.loudest_db < _NOTHING_DB else ()

    def end(self) -> tuple[str, ...]:
        """The call is over: what was wrong with it."""
        found = self.now()
        told = len(self._pairs) >= _COMPARED or found
        if told:
            self.lasting = found
        self._forget()
        return found

    def _forget(self) -> None:
        self._heard = {side: _Heard() for side in (Side.CUSTOMER, Side.AGENT)}
        self._pairs.clear()

    def _count(self, heard: Heard) -> None:
        for side, sums in self._heard.items():
            other = Side.AGENT if side is Side.CUSTOMER else Side.CUSTOMER
            level = heard.level_db[side]
            sums.loudest_db = max(sums.loudest_db, level)
            sums.speech_s += _BLOCK_S * (heard.states[side] is State.SPEECH)
            clear = level - heard.level_db[other] > _CLEARLY_DB
            sums.tone_s += _BLOCK_S * (heard.states[side] in _TONES and clear)

    def _same(self) -> bool:
        if len(self._pairs) < _COMPARED:
            return SAME in self.lasting
        alike = [loss_db for likeness, loss_db in self._pairs if likeness > _ALIKE]
        if len(alike) < _ALIKE_SHARE * len(self._pairs):
            return False
        low, middle, high = np.percentile(alike, (10, 50, 90))
        return bool(abs(middle) < _LOSS_DB and high - low < _SPREAD_DB)


def _missing(side: _Heard, other: _Heard) -> bool:
    enough_s = _ONE_SIDED_S if side.loudest_db < _NOTHING_DB else _SPOKE_S
    return side.speech_s < _NEVER_S and other.speech_s >= enough_s


def _compare(first: NDArray[np.int16], second: NDArray[np.int16]) -> tuple[float, float] | None:
    """How alike two sounds are at their best lag, 0 to 1, and how much louder the first is, dB.

    None where either is too faint to tell.
    """
    pair = np.stack((first, second)).astype(np.float32)
    pair -= pair.mean(axis=1, keepdims=True)
    power = np.einsum("ij,ij->i", pair, pair)
    floor = FRAME * (32_768.0 * 10.0 ** (_AUDIBLE_DB / 20.0)) ** 2
    if power.min() < floor:
        return None
    spectra = np.fft.rfft(pair, FRAME + _PADDED)
    lags = np.fft.irfft(spectra[0] * spectra[1].conj())
    near = np.abs(np.concatenate((lags[: _LAG + 1], lags[-_LAG:])))
    likeness = float((near * _WHOLE).max()) / float(np.sqrt(power[0] * power[1]))
    return min(likeness, 1.0), float(10.0 * np.log10(power[0] / power[1]))


_PADDED = 512
"""Zeros, more than the longest lag, so that no end meets a beginning."""
_SHIFT = np.concatenate((np.arange(_LAG + 1), np.arange(_LAG, 0, -1)))
_WHOLE = 1.0 / (1.0 - _SHIFT / FRAME)
"""What a delay moves over the edge is missing from the sum, not unlike."""
