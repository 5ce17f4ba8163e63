"""What codes speech on a telephone line, there and back: G.711, GSM 06.10, Opus."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINE_HZ = 8000
Law = Literal["ulaw", "alaw"]
"""Of ITU-T G.711."""
Codec = Law | Literal["gsm", "opus", "none"]
"""What the line codes speech with; GSM 06.10 full rate."""


@lru_cache(maxsize=2)
def _ulaw() -> NDArray[np.int16]:
    """G.711 mu-law: what every int16 (from -32768 up) comes back as."""
    pcm = np.arange(-32768, 32768)
    magnitude = np.minimum(np.abs(pcm >> 2), 8158) + 33
    exponent = np.floor(np.log2(magnitude)).astype(int) - 5
    mantissa = (magnitude >> (exponent + 1)) & 15
    decoded = (((2 * mantissa + 33) << exponent) - 33) << 2
    return np.asarray(np.sign(pcm) * decoded, np.int16)


@lru_cache(maxsize=2)
def _alaw() -> NDArray[np.int16]:
    """G.711 A-law: what every int16 (from -32768 up) comes back as."""
    pcm = np.arange(-32768, 32768)
    # one's complement for the negative half, 13 bits
    magnitude = np.where(pcm >= 0, pcm, ~pcm) >> 3
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 4, 1)
    step = magnitude >> exponent
    linear = ((2 * step + 1) << exponent) << 2
    return np.asarray(np.where(pcm >= 0, 1, -1) * linear, np.int16)


def g711(pcm: NDArray[np.int16], law: Law) -> NDArray[np.int16]:
    """There and back through the codec."""
    table = _ulaw() if law == "ulaw" else _alaw()
    return np.asarray(table[pcm.astype(np.int32) + 32768])


def through(pcm: NDArray[np.int16], codec: Codec, opus_step: float) -> NDArray[np.int16]:
    """There and back at 8 kHz, as many samples; `opus_step` is libsndfile's compression, 0 to 1."""
    if codec == "gsm":
        return _filed(pcm, "WAV", "GSM610", None)
    if codec == "opus":
        return _filed(pcm, "OGG", "OPUS", opus_step)
    return g711(pcm, "alaw" if codec == "alaw" else "ulaw")


def _filed(
    pcm: NDArray[np.int16], container: str, codec: str, step: float | None
) -> NDArray[np.int16]:
    """Written by libsndfile and read again, as many samples."""
    import soundfile

    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", LINE_HZ, 1, codec, format=container, compression_level=step
    ) as sound:
        sound.write(pcm)
    file.seek(0)
    back, _ = soundfile.read(file, len(pcm), dtype="int16")
    return np.asarray(np.pad(back, (0, len(pcm) - len(back))), np.int16)
