"""Listens to one line for some seconds: from the card itself, as the service would open it."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sered.errors import DeviceError
from sered.hearing.ears import Ears
from sered.levels import FULL_SCALE, amplitude_db, level_db
from sered.records import FRAME, RATE_HZ, Side, State
from sered.tap.live import LiveTap
from sered.tap.sound_faults import SoundCheck, SoundFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sered.records import AudioFrame
    from sered.settings import LineSettings

HURRY = 5
"""The doctor looks for a fifth of the time that the service takes."""
LISTEN_S = 5.0
"""To each line: two cadences of most tones, and a technician waits so long."""
_SETTLE_FRAMES = 1
"""Cards begin with a click."""
_FLOOR_PERCENTILE = 10
_SAME = 0.98
"""Correlation over which two channels carry one signal."""
_AUDIBLE_DB = -60.0
"""dB of full scale; what is fainter nobody would hear on a phone."""
_TONES = (State.DIAL, State.RINGBACK, State.BUSY, State.REORDER)
_TONE = 15
"""Blocks of a tone that are more than chance: half a second."""
_CLEARLY_DB = 6.0


@dataclass(frozen=True, slots=True)
class SideHeard:
    """What one side carried."""

    level_db: float
    peak_db: float
    floor_db: float
    """Quietest tenth of the time."""
    offset: float
    """DC, share of full scale."""


@dataclass(frozen=True, slots=True)
class Listened:
    """What a few seconds of a line told; plain numbers."""

    sentence: str
    """The tap's own."""
    heard_s: float
    rate: float
    """Seconds of sound that came a second, lost ones not counted."""
    lost: int
    """Samples a side."""
    sides: dict[Side, SideHeard]
    findings: tuple[SoundFault, ...]
    same: bool
    """Whether two sides carry one signal."""
    tone_on: Side | None
    """Where a tone of the exchange's was heard, if on one side alone."""


def listen(line: LineSettings, patience_s: float, listen_s: float = LISTEN_S) -> Listened:
    """What the line carries for some seconds.

    Raises DeviceError with the tap's own reason and sentence when its card gives no sound.
    """
    frames: list[AudioFrame] = []
    times: list[float] = []

    def hear(frame: AudioFrame) -> None:
        frames.append(frame)
        times.append(time.monotonic())

    tap = LiveTap(line, on_frame=hear)
    thread = threading.Thread(target=_drain, args=(tap,), daemon=True)
    thread.start()
    wanted = _SETTLE_FRAMES + round(listen_s * RATE_HZ / FRAME)
    end = time.monotonic() + patience_s
    while len(frames) < wanted and time.monotonic() < end and thread.is_alive():
        if tap.state.reasons and not frames:
            break
        time.sleep(0.02)
    state = tap.state
    tap.close()
    if len(frames) <= _SETTLE_FRAMES:
        reason = next(iter(state.reasons), "no_frames" if thread.is_alive() else "failed")
        raise DeviceError(state.sentence, reason)
    return judge(frames[_SETTLE_FRAMES:wanted], times[_SETTLE_FRAMES:wanted], state.sentence)


def _drain(tap: LiveTap) -> None:
    with contextlib.suppress(RuntimeError):
        for _ in tap.frames():
            pass


def judge(frames: Sequence[AudioFrame], times: Sequence[float], sentence: str = "") -> Listened:
    """What some frames of a line and the moments of their arrival tell. Pure."""
    sides = tuple(frames[0].pcm)
    check = SoundCheck(sides, HURRY)
    for frame in frames:
        check.feed(frame)
    whole = {side: np.concatenate([frame.pcm[side] for frame in frames]) for side in sides}
    return Listened(
        sentence=sentence,
        heard_s=len(frames) * FRAME / RATE_HZ,
        rate=_rate(frames, times),
        lost=sum(frame.lost for frame in frames),
        sides={side: _about(frames, side, whole[side]) for side in sides},
        findings=check.findings(),
        same=_same(whole),
        tone_on=_tone_on(frames, sides),
    )


def _rate(frames: Sequence[AudioFrame], times: Sequence[float]) -> float:
    """The median over pairs far apart: a busy box delivers some frames late."""
    far = max(len(frames) // 2, 1)
    slopes = [
        (frames[later].start - frames[at].start - lost)
        / RATE_HZ
        / max(times[later] - times[at], 1e-6)
        for at in range(len(frames))
        for later in range(at + far, len(frames))
        for lost in [sum(frame.lost for frame in frames[at + 1 : later + 1])]
    ]
    return float(np.median(slopes)) if slopes else 1.0


def _about(frames: Sequence[AudioFrame], side: Side, whole: NDArray[np.int16]) -> SideHeard:
    levels = [level_db(frame.pcm[side]) for frame in frames]
    peak = float(np.abs(whole.astype(np.float32)).max()) / FULL_SCALE
    return SideHeard(
        level_db=level_db(whole),
        peak_db=amplitude_db(peak),
        floor_db=float(np.percentile(levels, _FLOOR_PERCENTILE)),
        offset=float(np.median(whole)) / FULL_SCALE,
    )


def _same(whole: dict[Side, NDArray[np.int16]]) -> bool:
    if len(whole) < 2 or any(level_db(pcm) < _AUDIBLE_DB for pcm in whole.values()):
        return False
    first, second = (pcm - pcm.mean() for pcm in whole.values())
    power = float(np.sqrt(np.dot(first, first) * np.dot(second, second)))
    return power > 0 and float(np.dot(first, second)) / power > _SAME


def _tone_on(frames: Sequence[AudioFrame], sides: Sequence[Side]) -> Side | None:
    """The one side that carries the exchange's tones, or carries them clearly louder."""
    ears = Ears(sides)
    blocks = [heard for frame in frames for heard in ears.feed(frame)]
    loud = {
        side: [heard.level_db[side] for heard in blocks if heard.states[side] in _TONES]
        for side in sides
    }
    found = sorted(
        (float(np.median(levels)), side) for side, levels in loud.items() if len(levels) > _TONE
    )
    if not found or (len(found) > 1 and found[-1][0] - found[-2][0] < _CLEARLY_DB):
        return None
    return found[-1][1]
