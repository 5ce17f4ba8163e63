"""How long after a hang-up is heard the verdict is at a subscriber: short calls in real time.

Usage: latency.py CALLS LINES. A real Mosquitto, the service's own parts, CALLS calls spread over
LINES lines. Prints percentiles in seconds as JSON: `heard` from the frame that settled the end of
the call leaving the tap, `tone` from the first sample of the hang-up tone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from sered.box.build import Feed
from sered.box.sd_notify import Notifier
from sered.box.service import Service
from sered.contract.messages import CallReport
from sered.records import FRAME, RATE_HZ, Side
from sered.settings import LineSettings, Settings
from sered.tap.clock import LiveClock
from sered.tap.recording import Recording
from sered.testing.fakes import ListSource

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from broker import Broker, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sered.contract.messages import Alert, Live
    from sered.records import AudioFrame

SPEECH_S, TONE_S, GAP_S = 5.0, 3.0, 2.0


class Paced:
    """Plays in real time and remembers when each frame left the tap."""

    def __init__(self, source: ListSource, offset_s: float) -> None:
        self._source = source
        self._offset_s = offset_s
        self.left_at: list[float] = []

    def frames(self) -> Iterator[AudioFrame]:
        began = time.monotonic() + self._offset_s
        for frame in self._source.frames():
            time.sleep(max(began + (frame.start + FRAME) / RATE_HZ - time.monotonic(), 0.0))
            self.left_at.append(time.monotonic())
            yield frame

    def close(self) -> None:
        self._source.close()


def one_call(speech: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int16]:
    """Two seconds of quiet line, speech, North American busy tone."""
    at = np.arange(round(TONE_S * RATE_HZ)) / RATE_HZ
    tone = 3_000 * (np.sin(2 * np.pi * 480 * at) + np.sin(2 * np.pi * 620 * at))
    tone *= (at % 1.0) < 0.5
    quiet = np.zeros(round(GAP_S * RATE_HZ))
    pcm = np.concatenate([quiet, speech[: round(SPEECH_S * RATE_HZ)], tone])
    call: NDArray[np.int16] = np.clip(pcm + rng.normal(0, 20, len(pcm)), -32_768, 32_767).astype(
        np.int16
    )
    return call


def main(calls: int, lines: int) -> None:
    import sered

    demo = Path(sered.__file__).parent / "demo/call.wav"
    heard = [f.pcm[Side.CUSTOMER] for f in Recording(demo, {Side.CUSTOMER: 2}).frames()]
    speech = np.concatenate(heard)[28 * RATE_HZ :].astype(float)
    rng = np.random.default_rng(5)
    each = calls // lines
    call_s = GAP_S + SPEECH_S + TONE_S
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker").start()
        listener = Listener(broker, "sered/#")
        arrived: dict[str, list[float]] = {}
        stop = threading.Event()

        def watch() -> None:
            seen = 0
            while not stop.is_set():
                got = listener.on("calls")
                now = time.monotonic()
                for payload in got[seen:]:
                    arrived.setdefault(json.loads(payload)["line"], []).append(now)
                seen = len(got)
                time.sleep(0.002)

        settings = Settings.model_validate(
            {
                "mqtt": {"host": broker.host, "port": broker.port},
                "spool": {"path": f"{folder}/spool.db"},
                "calls": {"hang_over_s": 10},
            }
        )
        feeds, sources = [], {}
        for number in range(lines):
            pcm = np.concatenate([one_call(speech, rng) for _ in range(each)])
            line = LineSettings(name=f"line{number + 1}", sides="customer=mono")
            paced = Paced(ListSource({Side.CUSTOMER: pcm}), number * call_s / lines)
            sources[line.name] = paced
            feeds.append(Feed(line, paced, LiveClock()))
        watcher = threading.Thread(target=watch)
        watcher.start()
        service = Service(settings, feeds, Notifier(None))
        ended: dict[str, list[int]] = {}
        for worker_feed in feeds:
            ended[worker_feed.line.name] = []
        deliver = service._deliver  # the moment a report leaves the line

        def noted(said: Sequence[CallReport | Alert | Live]) -> None:
            for message in said:
                if isinstance(message, CallReport):
                    ended[message.line].append(len(sources[message.line].left_at) - 1)
            deliver(said)

        service._deliver = noted  # type: ignore[method-assign]  # the moment is seen nowhere else
        status = service.run(drain_s=10)
        time.sleep(0.5)
        stop.set()
        watcher.join()
        listener.close()
        broker.stop()
    assert status == 0
    from_heard, from_tone = [], []
    for name, frames in ended.items():
        assert len(frames) == each, f"{name}: {len(frames)} reports for {each} calls"
        left = sources[name].left_at
        for call, (frame, at) in enumerate(zip(frames, arrived[name], strict=True)):
            from_heard.append(at - left[frame])
            tone_at = (call * call_s + GAP_S + SPEECH_S) * RATE_HZ
            began = left[0] - FRAME / RATE_HZ
            from_tone.append(at - (began + tone_at / RATE_HZ))
    print(
        json.dumps(
            {
                "calls": len(from_heard),
                "heard_p50": float(np.percentile(from_heard, 50)),
                "heard_p99": float(np.percentile(from_heard, 99)),
                "tone_p50": float(np.percentile(from_tone, 50)),
                "tone_p99": float(np.percentile(from_tone, 99)),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
