"""What Vosk alone costs: the stock recogniser over one side of a call, nothing else.

Usage: bare_vosk.py FILE CHANNEL MODEL. Prints its own figures as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import soundfile
import soxr
import vosk

path, channel, model = sys.argv[1:]
vosk.SetLogLevel(-1)
sound, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
side = sound[:, int(channel) - 1]
if rate_hz != 16_000:
    side = soxr.resample(side, rate_hz, 16_000)
pcm = np.asarray(side, np.int16).tobytes()
loaded = vosk.Model(model)
recognizer = vosk.KaldiRecognizer(loaded, 16_000)
recognizer.SetWords(True)
began = time.process_time()
for at in range(0, len(pcm), 8192):
    recognizer.AcceptWaveform(pcm[at : at + 8192])
recognizer.FinalResult()
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"decode_s": time.process_time() - began, "peak_mb": peak_mb}))
