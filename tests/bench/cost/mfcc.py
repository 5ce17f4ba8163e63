"""MFCCs per second of speech: sered's, python_speech_features called as its README does, librosa.

Usage: mfcc.py FILE [served]. Every implementation gets the same sound, frames and filters, in
turns. The state of a process' memory decides what a large array costs: `served` is one that was set
up as the service is and has heard a call. Prints medians in seconds of CPU per second of sound, and
the largest difference from python_speech_features, as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# as `sered` sets it; threads would make CPU seconds of the others look worse, not better
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import python_speech_features
import soundfile
import soxr

from sered.voice.recipe import Recipe
from sered.voice.statistics import mfcc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROUNDS = 15
SECONDS = 3

recipe = Recipe()


def serve(path: Path) -> None:
    """Load what a box loads, and hear a call."""
    from sered.box.build import load_judges, make_line
    from sered.box.heap import give_back, share_one_heap
    from sered.settings import LineSettings, Settings
    from sered.tap.clock import RecordingClock, recording_began
    from sered.tap.recording import Recording

    share_one_heap()
    settings, line = Settings(mode="both"), LineSettings()
    pipe = make_line(
        settings, line, load_judges(settings), RecordingClock(recording_began(path, 0.0), "line")
    )
    for frame in Recording(path, line.channels).frames():
        pipe.feed(frame)
    give_back()


def loudest(path: Path) -> NDArray[np.int16]:
    """The customer's loudest seconds, without the rest of the call in memory."""
    with soundfile.SoundFile(path) as sound:
        rate_hz = sound.samplerate
        loud = [
            float(np.square(block[:, -1].astype(float)).sum())
            for block in sound.blocks(rate_hz, dtype="int16", always_2d=True)
        ]
        start = int(np.argmax(np.convolve(loud, np.ones(SECONDS), "valid")))
        sound.seek(start * rate_hz)
        cut = sound.read(SECONDS * rate_hz, dtype="int16", always_2d=True)
    return np.asarray(soxr.resample(cut[:, -1], rate_hz, recipe.rate_hz), np.int16)


if "served" in sys.argv:
    serve(Path(sys.argv[1]))
pcm = loudest(Path(sys.argv[1]))


def ours() -> NDArray[np.float64]:
    return np.asarray(mfcc(pcm, recipe))


def library() -> NDArray[np.float64]:
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
