"""Names sick sound: silence that is too silent, clipping, offset, hum, a low level. Pure."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.levels import FULL_SCALE, LOWEST_DB, amplitude_db, clipped_share
from sered.records import FRAME, FRAME_S, RATE_HZ, Side

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from sered.records import AudioFrame

_WINDOW = round(20.0 / FRAME_S)
"""Frames that a finding rests on."""
_DEAF_FRAMES = round(18.0 / FRAME_S)
"""Frames with nothing but zeros, or of talk on the other side alone, that count as too many."""
_CLIPPED_SHARE = 1e-3
_OFFSET = 0.03 * FULL_SCALE
_TALK_DB = -45.0
_LINE_DB = -75.0
"""A line that is connected is never as quiet as this for long."""
_OVER_FLOOR_DB = 12.0
_LOW_DB = -42.0
_LOW_FRAMES = round(4.0 / FRAME_S)
"""Frames of talk before its level is judged."""
_HUM_DB = -52.0
_HUM_CLEAR_DB = 12.0
"""How far a mains line stands out from what lies around it."""
_HUM_EVERY = 8
_HUM_LOOKS = round(16.0 / FRAME_S / _HUM_EVERY)
_MAINS_HZ = (50.0, 60.0)

_ADVICE = {
    "digital_silence": "carries nothing but zeros: is the tap plugged in, the input unmuted?",
    "silent_line": "stays silent while the other side talks: is its lead plugged in?",
    "clipping": "is too loud and clips: turn the capture level down",
    "dc_offset": "has a DC offset: a faulty tap or sound card",
    "hum": "hums with the mains: use a tap with a transformer, or another power supply",
    "low_level": "is too quiet: turn the capture level up",
}


@dataclass(frozen=True, slots=True)
class SoundFault:
    """One thing that is wrong with one side."""

    reason: str
    """digital_silence, silent_line, clipping, dc_offset, hum or low_level."""
    side: Side
    detail: str = ""

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        said = f"the {self.side} {_ADVICE[self.reason]}{detail}"
        return said if said.endswith("?") else f"{said}."


class SoundCheck:
    """Listens along, frame by frame; `findings` is what is wrong now.

    Each finding comes within 30 s of its cause (a low level: of talk) and goes within 30 s of its
    end. Some 20 µs a frame and side. `hurry` divides the times, for a look of a few seconds.
    """

    def __init__(self, sides: Collection[Side], hurry: int = 1) -> None:
        self._ears = {side: _Ear(hurry) for side in sides}
        self._every = max(_HUM_EVERY // hurry, 1)
        self._count = 0

    @property
    def levels_db(self) -> dict[Side, float]:
        """RMS of each side's last frame in dBFS."""
        return {side: ear.db for side, ear in self._ears.items()}

    def feed(self, frame: AudioFrame) -> None:
        """Take the next frame."""
        for position, (side, ear) in enumerate(self._ears.items()):
            ear.feed(frame.pcm[side], look=(self._count + position) % self._every == 0)
        self._count += 1
        if len(self._ears) > 1:
            for side, ear in self._ears.items():
                talk = max(other.db for s, other in self._ears.items() if s is not side)
                ear.compare(talk)

    def findings(self) -> tuple[SoundFault, ...]:
        """What is wrong now; of silences the graver one only."""
        return tuple(
            SoundFault(reason, side, detail)
            for side, ear in self._ears.items()
            for reason, detail in ear.faults()
        )


class _Ear:
    """What is known of one side's last twenty seconds."""

    def __init__(self, hurry: int) -> None:
        self.db = LOWEST_DB
        self._window, self._deaf = _WINDOW // hurry, _DEAF_FRAMES // hurry
        self._enough_talk, self._looks = _LOW_FRAMES // hurry, max(_HUM_LOOKS // hurry, 1)
        self._levels: deque[float] = deque(maxlen=self._window)
        self._talk: deque[float] = deque(maxlen=self._window)
        self._clipped: deque[float] = deque(maxlen=self._window)
        self._means: deque[float] = deque(maxlen=self._window)
        self._hum: deque[tuple[float, float]] = deque(maxlen=self._looks)
        self._flat = 0
        self._unanswered = 0

    def feed(self, pcm: NDArray[np.int16], *, look: bool) -> None:
        wide = pcm.astype(np.float32)
        low, high = int(pcm.min()), int(pcm.max())
        # a dot product is five times as fast as mean()
        mean = float(np.dot(wide, _ONES)) / FRAME
        power = float(np.dot(wide, wide)) / FRAME - mean * mean
        self.db = amplitude_db(math.sqrt(max(power, 0.0)) / FULL_SCALE)
        self._flat = self._flat + 1 if low == high else 0
        self._means.append(mean)
        self._clipped.append(clipped_share(pcm))
        if low == high:
            return
        self._levels.append(self.db)
        if self.db > min(self._levels) + _OVER_FLOOR_DB:
            self._talk.append(self.db)
        elif look:
            self._hum.append(_mains_db(wide - mean))

    def compare(self, other_db: float) -> None:
        """Note how loud the other side is just now."""
        if self.db > _LINE_DB:
            self._unanswered = 0
        elif other_db > _TALK_DB:
            self._unanswered += 1

    def faults(self) -> list[tuple[str, str]]:
        if self._flat >= self._deaf:
            return [("digital_silence", "")]
        found: list[tuple[str, str]] = []
        if self._unanswered >= self._deaf:
            found.append(("silent_line", ""))
        clipped = max(self._clipped, default=0.0)
        if clipped and sum(share > _CLIPPED_SHARE for share in self._clipped) >= 3:
            found.append(("clipping", f"{clipped:.1%} of samples at full scale"))
        offset = sorted(self._means)[len(self._means) // 2] if self._means else 0.0
        if len(self._means) == self._window and abs(offset) > _OFFSET:
            found.append(("dc_offset", f"{offset / FULL_SCALE:+.0%} of full scale"))
        if hum := self._hums():
            found.append(("hum", hum))
        if len(self._talk) >= self._enough_talk and (loud := max(self._talk)) < _LOW_DB:
            found.append(("low_level", f"talk at {loud:.0f} dBFS"))
        return found

    def _hums(self) -> str:
        """`50 Hz at -41 dBFS`, when it never stops; else nothing."""
        if len(self._hum) < self._looks:
            return ""
        for index, hz in enumerate(_MAINS_HZ):
            lasting = sorted(look[index] for look in self._hum)[self._looks // 8]
            if lasting > _HUM_DB:
                return f"{hz:.0f} Hz at {lasting:.0f} dBFS"
        return ""


_ONES = np.ones(FRAME, np.float32)
_TAPER = np.hanning(FRAME).astype(np.float32)
_BINS = {hz: [round(hz * n * FRAME / RATE_HZ) for n in (1, 2, 3)] for hz in _MAINS_HZ}


def _mains_db(wide: NDArray[np.float32]) -> tuple[float, float]:
    """Level of the 50 and the 60 Hz mains in dBFS; LOWEST_DB where they do not stand out."""
    spectrum = np.abs(np.fft.rfft(wide * _TAPER)[:64]) * (2.0 * math.sqrt(2.0) / FRAME)
    out = []
    for hz in _MAINS_HZ:
        line = max(spectrum[b - 1 : b + 2].max() for b in _BINS[hz])
        ground = float(np.median(spectrum[6:64]))
        clear = amplitude_db(float(line) / max(ground, 1e-6)) > _HUM_CLEAR_DB
        out.append(amplitude_db(float(line) / FULL_SCALE) if clear else LOWEST_DB)
    best = max(out)
    low, high = (db if db == best else LOWEST_DB for db in out)
    return low, high
