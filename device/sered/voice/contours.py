"""What is measured of any track of numbers over time: percentiles, and how it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def percentiles(track: Floats, shares: tuple[float, ...]) -> Floats:
    """Percentiles down the rows, nearest below."""
    ordered = np.sort(track, axis=0)
    return ordered[[int(share * (len(track) - 1)) for share in shares]]


def third_change(track: Floats, weight: Floats) -> float:
    """Mean of the last third less mean of the first, weighted."""
    third = max(1, len(track) // 3)
    first, last = weight[:third], weight[-third:]
    ends = (
        (track[-third:] @ last) / (last.sum() + 1e-9),
        (track[:third] @ first) / (first.sum() + 1e-9),
    )
    return float(ends[0] - ends[1])
