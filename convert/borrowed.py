"""One recording down the line of another: any clip may wear any other's long-term spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from sered.records import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BORROWED_DB = 12.0
"""How far one recording's spectrum is bent towards another's, at most."""


def borrow_line(pcm: NDArray[np.int16], donor: NDArray[np.int16]) -> NDArray[np.int16]:
    """`pcm` as if it had come down the line of `donor`: with its long-term spectrum.

    Room, microphone, line and codec of a recording show in its mean spectrum. Where any clip may
    wear any other's, none of them says how somebody feels.
    """
    gain_db = np.clip(_mean_spectrum_db(donor) - _mean_spectrum_db(pcm), -BORROWED_DB, BORROWED_DB)
    n = next_fast_len(len(pcm) + 1600, real=True)
    spectrum = rfft(pcm.astype(np.float32), n)
    hertz = np.arange(len(spectrum)) * RATE_HZ / n
    gain = 10 ** (np.interp(hertz, _centres_hz(), gain_db) / 20)
    bent = irfft(spectrum * gain, n)[: len(pcm)]
    loudest = np.abs(bent).max() + 1e-9
    return np.asarray(np.rint(bent * min(1.0, 32000 / loudest)), np.int16)


def _centres_hz() -> Floats:
    """Two an octave from 125 Hz on."""
    return np.asarray(125 * 2 ** (np.arange(12) / 2), np.float32)


def _mean_spectrum_db(pcm: NDArray[np.int16]) -> Floats:
    """Of the louder frames, around each of `_centres_hz`; the loudest is 0 dB."""
    frames = np.resize(pcm.astype(np.float32), (max(1, len(pcm) // 512), 512)) * np.hanning(512)
    power = np.abs(rfft(frames)) ** 2
    total = power.sum(axis=1)
    mean = power[total >= np.median(total)].mean(axis=0)
    hertz = np.arange(257) * RATE_HZ / 512
    near = np.abs(np.log2(np.maximum(hertz, 1) / _centres_hz()[:, None])) <= 0.5
    bands = 10 * np.log10((near @ mean) / near.sum(axis=1) + 1e-3)
    return np.asarray(bands - bands.max(), np.float32)
