"""What an idle line costs: stereo on-hook noise through the whole pipe, nothing said.

Usage: idle.py SECONDS. Prints the CPU of the work alone as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from sered.box.build import load_judges, make_line
from sered.records import FRAME, RATE_HZ, AudioFrame, EndReason
from sered.settings import LineSettings, Settings
from sered.tap.clock import LiveClock
from sered.tap.sound_faults import SoundCheck

settings = Settings(mode="audio")
line = LineSettings()
pipe = make_line(settings, line, load_judges(settings), LiveClock())
check = SoundCheck(line.channels)
rng = np.random.default_rng(1)
noise = [
    {side: rng.normal(0, 8, FRAME).astype(np.int16) for side in line.channels} for _ in range(40)
]
frames = round(float(sys.argv[1]) * RATE_HZ / FRAME)
began = time.process_time()
out: list[object] = []
for number in range(frames):
    frame = AudioFrame(number * FRAME, noise[number % len(noise)])
    check.feed(frame)
    out += pipe.feed(frame)
out += pipe.finish(EndReason.SHUTDOWN)
assert not out, out
print(json.dumps({"cpu_s": time.process_time() - began}))
