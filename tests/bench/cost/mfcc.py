"""MFCCs per second of speech: sered's, python_speech_features called as its README does, librosa.

Usage: mfcc.py FILE. Every implementation gets the same sound, frames and filters, in turns.
Prints medians in seconds of CPU per second of sound, and the largest difference from
python_speech_features, in itself and as a share of what that coefficient varies by, as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

# as `sered` sets it; threads would make CPU seconds of the others look worse, not better
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import python_speech_features
import soundfile
import soxr

from sered.features import Recipe, mfcc

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
SECONDS = 3

recipe = Recipe()
sound, rate_hz = soundfile.read(sys.argv[1], dtype="int16", always_2d=True)
pcm = np.asarray(soxr.resample(sound[:, -1], rate_hz, recipe.rate_hz), np.int16)
length = SECONDS * recipe.rate_hz
loudest = max(
    range(0, len(pcm) - length, recipe.rate_hz),
    key=lambda at: float(np.square(pcm[at : at + length].astype(float)).sum()),
)
pcm = pcm[loudest : loudest + length]


def ours() -> np.ndarray:
    return np.asarray(mfcc(pcm, recipe))


def library() -> np.ndarray:
    """As sered's recipe has it; the library makes its filters anew each time."""
    return np.asarray(
        python_speech_features.mfcc(
            pcm,
            recipe.rate_hz,
            winlen=recipe.frame / recipe.rate_hz,
            winstep=recipe.step / recipe.rate_hz,
            numcep=recipe.cepstra,
            nfilt=recipe.filters,
            nfft=recipe.frame,
            lowfreq=recipe.low_hz,
            highfreq=recipe.high_hz,
            preemph=recipe.preemphasis,
            ceplifter=recipe.lifter,
            appendEnergy=False,
            winfunc=np.hamming,
        )
    )


ways: dict[str, Callable[[], object]] = {"sered": ours, "python_speech_features": library}
if importlib.util.find_spec("librosa"):
    import librosa

    floats = pcm.astype(np.float32) / 32_768

    def third() -> object:
        return librosa.feature.mfcc(
            y=floats,
            sr=recipe.rate_hz,
            n_mfcc=recipe.cepstra,
            n_fft=recipe.frame,
            hop_length=recipe.step,
            n_mels=recipe.filters,
            fmin=recipe.low_hz,
            fmax=recipe.high_hz,
        )

    ways["librosa"] = third

for way in ways.values():
    way()
spent: dict[str, list[float]] = {name: [] for name in ways}
for _ in range(ROUNDS):
    for name, way in ways.items():
        began = time.process_time()
        way()
        spent[name].append((time.process_time() - began) / SECONDS)
figures = {name: median(times) for name, times in spent.items()}
difference = float(np.abs(ours() - library()).max())
print(json.dumps(figures | {"difference": difference}))
