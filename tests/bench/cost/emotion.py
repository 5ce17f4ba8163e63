"""Emotion of 3 s utterances by sered's path: MFCC statistics and the int8 network.

Usage: emotion.py FILE COUNT. Prints CPU seconds an utterance and peak memory as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from sered import config
from sered.settings import ModelSettings
from sered.voice.emotion import TfliteEmotion

SECONDS = 3
pcm = np.load(sys.argv[1])
count = int(sys.argv[2])
length = SECONDS * 16_000
starts = np.linspace(0, len(pcm) - length, count).astype(int)
model = TfliteEmotion(config.model_path(ModelSettings().emotion))
model.judge(pcm[:length])
began = time.process_time()
judged = [model.judge(np.ascontiguousarray(pcm[at : at + length])) for at in starts]
spent = (time.process_time() - began) / count
assert sum(emotion is not None for emotion in judged) > count // 2
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"each_s": spent, "peak_mb": peak_mb}))
