"""The feature recipe: every parameter that changes the numbers, shared by box and converter."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from sered.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 4
"""Raised whenever the same recipe would give other numbers."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that changes the numbers; travels in the model's sidecar."""

    version: int = VERSION
    rate_hz: int = 16_000
    frame: int = 512
    """Samples, an even number, also the points of the Fourier transform."""
    step: int = 128
    """Samples. Half as many frames measure the same statistics less surely, and networks trained on
    them tell new voices apart worse."""
    preemphasis: float = 0.97
    filters: int = 32
    low_hz: float = 200.0
    high_hz: float = 3500.0
    """The telephone's band: a wide-band headset gives the same numbers as a narrow one."""
    cepstra: int = 26
    lifter: int = 22
    floor_db: float = -45.0
    """Of the loudest frames' mean band: what is softer counts as this loud, so that neither the
    line's noise nor rounding at a low level reaches the statistics."""
    voice_range_db: float = 25.0
    """Frames this far below the loudest are not voice."""
    min_voiced: int = 20
    """Voiced frames below which there is nothing to judge: 160 ms."""
    pitch_low_hz: float = 65.0
    pitch_high_hz: float = 500.0
    pitch_clarity: float = 0.45
    """Height of the autocorrelation's peak from which a frame has a pitch."""
    longest_s: float = 6.0
    """Longer utterances are judged in windows, none longer than this: what is said in one breath
    has one mood, and statistics over more of them have that of nobody."""

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Read a sidecar's recipe; ModelError when this version of sered cannot reproduce it."""
        known = {field.name for field in fields(cls)}
        if table.get("version") != VERSION or set(table) != known:
            raise ModelError(
                f"wanted feature recipe {VERSION}, which this sered makes; found recipe "
                f"{table.get('version')!r} with {', '.join(sorted(set(table) ^ known)) or 'no'} "
                "parameters besides: install the model and the sered that belong together"
            )
        return cls(**table)

    def to_dict(self) -> dict[str, Any]:
        """For the sidecar."""
        return asdict(self)
