"""Emotion of 3 s utterances by the prototype's path, made anew from its description.

librosa's zero-crossing rate, RMS and 20 MFCCs, flattened and padded to 6,248 numbers, then Keras'
`predict` on a 64 - 32 - 7 network. Its weights are untrained: they cost the same.
Usage: prototype.py FILE COUNT. Runs in an environment of its own. Prints JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import librosa
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 3
RATE_HZ = 16_000
FRAMES = 284
pcm = np.load(sys.argv[1]).astype(np.float32) / 32_768
count = int(sys.argv[2])
length = SECONDS * RATE_HZ
starts = np.linspace(0, len(pcm) - length, count).astype(int)

model = keras.Sequential(
    [
        keras.Input((22 * FRAMES,)),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(7, "softmax"),
    ]
)


def features(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.vstack(
        [
            librosa.feature.zero_crossing_rate(clip),
            librosa.feature.rms(y=clip),
            librosa.feature.mfcc(y=clip, sr=RATE_HZ, n_mfcc=20),
        ]
    )
    out = np.zeros((22, FRAMES), np.float32)
    out[:, : rows.shape[1]] = rows[:, :FRAMES]
    return out.reshape(1, -1)


model.predict(features(pcm[:length]), verbose=0)
began = time.process_time()
for at in starts:
    model.predict(features(pcm[at : at + length]), verbose=0)
spent = (time.process_time() - began) / count
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"each_s": spent, "peak_mb": peak_mb}))
