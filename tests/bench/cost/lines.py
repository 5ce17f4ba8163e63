"""What N lines cost in one box: N recordings through the service's own workers.

Usage: lines.py FILE N MODE [PACE]. Frames come at PACE times the clock's pace, a line a little
later than the one before, as on a real box. One call goes through before: what is made at the
first use is no line's. Prints the CPU of the work alone and how late any frame was taken, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sered.box.build import load_judges, make_line
from sered.box.line_worker import LineWorker
from sered.records import FRAME, RATE_HZ
from sered.settings import LineSettings, Settings
from sered.tap.clock import RecordingClock, recording_began
from sered.tap.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.records import AudioFrame

PACE = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
APART_S = 0.37
"""Of line time between the beginnings of two lines: cards do not deliver in step."""


class Paced:
    """Holds frames back until they are due."""

    def __init__(self, source: Recording, number: int) -> None:
        self._source = source
        self._later_s = number * APART_S / PACE
        self.late_s = 0.0
        """How long after it was due a frame was taken, at worst; of line time."""

    def frames(self) -> Iterator[AudioFrame]:
        began = time.monotonic() + self._later_s
        for frame in self._source.frames():
            due = began + (frame.start + FRAME) / RATE_HZ / PACE
            time.sleep(max(due - time.monotonic(), 0.0))
            self.late_s = max(self.late_s, (time.monotonic() - due) * PACE)
            yield frame

    def close(self) -> None:
        self._source.close()


path, count, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
settings = Settings(mode=mode)
judges = load_judges(settings)
reports: list[object] = []
faults: list[str] = []
warm = make_line(
    settings, LineSettings(), judges, RecordingClock(recording_began(path, 0.0), "warm")
)
for frame in Recording(path, LineSettings().channels).frames():
    warm.feed(frame)
workers = []
sources = []
for number in range(count):
    line = LineSettings(name=f"line{number + 1}")
    source = Recording(path, line.channels)
    clock = RecordingClock(
        recording_began(path, source.duration_s), source.survey.digest, line.name
    )
    pipe = make_line(settings, line, judges, clock)
    sources.append(Paced(source, number))
    workers.append(
        LineWorker(line.name, sources[-1], pipe, deliver=reports.extend, failed=faults.append)
    )
wall, cpu = time.perf_counter(), time.process_time()
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert not faults, faults
assert sum(worker.line.calls for worker in workers) >= count
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(
    json.dumps(
        {
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "late_s": max(source.late_s for source in sources),
            "sound_s": workers[0].frames * FRAME / RATE_HZ,
            "peak_mb": peak_mb,
        }
    )
)
