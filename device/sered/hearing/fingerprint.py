"""Fingerprints of sound: the same recording again has nearly the same bits. Pure.

After J. Haitsma and T. Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): a bit
tells whether the difference of two neighbouring bands has grown since the last step. Nothing can
be heard from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sered.records import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 512
"""Samples from one hash to the next: a block."""
WINDOW = 4096
"""Samples that a hash tells of: long against the step, so that it matters little where it falls."""
_EVERY = 2
"""A telephone carries nothing that half of the samples would not tell."""
BITS = 16
_LOWEST_HZ, _HIGHEST_HZ = 300.0, 3000.0
_EDGES = np.round(np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BITS + 2) * WINDOW / RATE_HZ).astype(int)
_TAPER = np.hanning(WINDOW // _EVERY).astype(np.float32)
_BATCH = 256
_WEIGHTS = (1 << np.arange(BITS)).astype(np.uint32)


def fingerprint(pcm: NDArray[np.int16]) -> NDArray[np.uint16]:
    """One hash for each step of 16 kHz sound; none for less than a window."""
    count = (len(pcm) - WINDOW) // STEP + 1
    if count < 2:
        return np.zeros(0, np.uint16)
    half = pcm[::_EVERY]
    windows = np.lib.stride_tricks.sliding_window_view(half, WINDOW // _EVERY)[:: STEP // _EVERY]
    energies = np.concatenate([_bands(windows[at : at + _BATCH]) for at in range(0, count, _BATCH)])
    slopes = np.diff(energies, axis=1)
    bits = slopes[1:] > slopes[:-1]
    return np.asarray(bits @ _WEIGHTS, np.uint16)


def _bands(windows: NDArray[np.int16]) -> NDArray[np.float64]:
    # a transform casts by itself, but takes longer for it
    tapered = (windows * _TAPER).astype(np.float64)
    spectrum = np.fft.rfft(tapered, axis=1)[:, _EDGES[0] : _EDGES[-1]]
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.add.reduceat(power, _EDGES[:-1] - _EDGES[0], axis=1))


MATCH = 47
"""Hashes that are compared at a time: a second and a half."""
_STRIDE = 12
_SAME_BITS = 0.3 * BITS * MATCH
"""Bits that may differ: of two people, or two sentences of one, a third and more do; of a recording
that is played again, over noise of 10 dB, a quarter."""
_PLACES = np.arange(BITS, dtype=np.uint16)


def again(hashes: NDArray[np.uint16], before: NDArray[np.uint16]) -> list[tuple[int, int]]:
    """Where stretches of MATCH hashes are found in what was `before`: (place here, place there)."""
    if len(hashes) < MATCH or len(before) < MATCH:
        return []
    # of two hashes: BITS less twice the bits that differ
    alike = _signs(hashes) @ _signs(before).T
    step, item = alike.strides
    here, there = (len(hashes) - MATCH) // _STRIDE + 1, len(before) - MATCH + 1
    stretches = np.lib.stride_tricks.as_strided(
        alike, (here, MATCH, there), (_STRIDE * step, step + item, item), writeable=False
    )
    together = stretches.sum(axis=1)
    best = together.argmax(axis=1)
    same = together[np.arange(here), best] > BITS * MATCH - 2 * _SAME_BITS
    return [(at * _STRIDE, int(best[at])) for at in np.flatnonzero(same).tolist()]


def _signs(hashes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Each bit as 1 or -1, (hashes, BITS)."""
    return np.asarray(((hashes[:, None] >> _PLACES) & 1) * np.float32(2.0) - 1, np.float32)
