"""How a live tap is: alive or why not, what it lost, how loud it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.records import Side


@dataclass(frozen=True, slots=True)
class TapState:
    """What a tap knows of itself at one moment."""

    reasons: tuple[str, ...] = ()
    """Empty when all is well. One of the card: no_device, unplugged, wrong_port, not_ready,
    busy, no_permission, no_frames, failed; or several of the sound: digital_silence, silent_line,
    clipping, dc_offset, hum, low_level; and behind."""
    sentence: str = "is being opened"
    """For a technician."""
    alive: bool = False
    """Whether sound comes in."""
    frames: int = 0
    lost_samples: int = 0
    """16 kHz samples a side that were never analysed: gaps, outages and drops at the door."""
    restarts: int = 0
    """Captures that had to be started again."""
    attempts: int = 0
    """Times that the card was looked up to be opened, there or not."""
    steps: int = 0
    """Moves about once a second while the tap has no sound and honestly looks for it; stands
    still while sound that came before still waits for the analysis."""
    drift_ppm: float | None = None
    """How much faster than the system the card runs."""
    levels_db: Mapping[Side, float] = field(default_factory=dict)
    """RMS of each side just now, dBFS; empty while there is no sound."""
    last_frame_at: float | None = None
    """Monotonic time of the last frame."""

    @property
    def settled(self) -> bool:
        """Whether the tap has delivered sound, or said why not."""
        return self.frames > 0 or bool(self.reasons)

    @property
    def level_db(self) -> float | None:
        """The loudest side's; None while there is no sound."""
        return max(self.levels_db.values(), default=None)
