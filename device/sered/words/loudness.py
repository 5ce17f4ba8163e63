"""Brings an utterance to one loudness: what is heard must not hang on the tap's gain. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.levels import FULL_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET_DB = -26.0
"""Level of active speech, dBFS: about what recognisers are trained on, 20 dB and more of room."""
CEILING = 32_000
"""No sample is raised beyond."""
ACTIVE_DB = 25.0
"""Blocks this far under the loudest are pauses and do not count."""
BLOCK = 320
"""Samples: 20 ms."""
MOST_DB = 40.0
"""Raised by no more: what is softer still is the converter's own noise."""


def levelled(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """The same 16 kHz mono int16 sound, its speech at TARGET_DB; silence comes back as it is."""
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)
    powers = np.einsum("ij,ij->i", blocks, blocks) / BLOCK
    loudest = float(powers.max(initial=0.0))
    if not loudest:
        return pcm
    active = float(powers[powers > loudest * 10.0 ** (-ACTIVE_DB / 10.0)].mean())
    wanted = FULL_SCALE * 10.0 ** (TARGET_DB / 20.0) / active**0.5
    peak = int(np.abs(pcm.astype(np.int32)).max())
    gain = min(wanted, 10.0 ** (MOST_DB / 20.0), CEILING / peak)
    return np.asarray(np.rint(pcm * np.float32(gain)), np.int16)
