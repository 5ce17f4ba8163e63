"""What the sered on the path finds on a composed line, as JSON: a part of bench_quick.py.

Any state of the code can be asked, so it imports only what has been there since the wings.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from sered.calls.segmenter import Segmenter
from sered.hearing.ears import Ears
from sered.records import FRAME, RATE_HZ, AudioFrame, CallEnded, EndReason, Side, Utterance
from sered.settings import CallSettings

samples = {Side(name): pcm for name, pcm in np.load(sys.argv[1]).items()}
length = min(len(pcm) for pcm in samples.values()) // FRAME * FRAME
ears, segmenter = Ears(list(samples)), Segmenter(CallSettings())
hear = getattr(ears, "feed", None) or ears.hear  # type: ignore[attr-defined]  # its name before
began = time.process_time()
events = [
    event
    for at in range(0, length, FRAME)
    for heard in hear(AudioFrame(at, {side: pcm[at : at + FRAME] for side, pcm in samples.items()}))
    for event in segmenter.feed(heard)
]
events += segmenter.finish(EndReason.END_OF_RECORDING)
told: list[dict[str, object]] = []
for event in events:
    if isinstance(event, CallEnded):
        told.append({"start_s": event.start_s, "end_s": event.end_s, "reason": str(event.reason)})
    elif isinstance(event, Utterance):
        told.append(
            {
                "start_s": event.start_s,
                "end_s": event.end_s,
                "side": str(event.side),
                "voiced_s": event.voiced_s,
            }
        )
spent_s = time.process_time() - began
print(json.dumps({"events": told, "cpu_s": spent_s, "lasts_s": length / RATE_HZ}))
