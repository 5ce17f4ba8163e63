"""A seeded day of calls at the highest speed through the service: all reported? what grows?

`python tests/soak/day.py [HOURS] [SEED]` composes the line in a process of its own, plays it into
the real service with a real broker, prints a table and ends with 1 when a limit is broken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import psutil
import soundfile
import soxr

import sered
from broker import Broker, Listener
from sered.box.build import Feed
from sered.box.sd_notify import Notifier
from sered.box.service import Service
from sered.records import FRAME, RATE_HZ, AudioFrame, Side
from sered.settings import MqttSettings, Settings, SpoolSettings
from sered.tap.clock import uuid7
from sered.testing.line import KINDS, LineRecipe, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from sered.delivery.subscription import Received

SIDES = (Side.CUSTOMER, Side.AGENT)
MOST_GROWTH_MB = 5.0
_FRAME_BYTES = FRAME * len(SIDES) * 2
_HOUR = 3600 * RATE_HZ


def voices(side: Side) -> list[NDArray[np.int16]]:
    """What one side says in the demo call, sentence by sentence, 16 kHz."""
    sound, rate_hz = soundfile.read(
        Path(sered.__file__).parent / "demo" / "call.wav", dtype="float32"
    )
    channel = {Side.AGENT: 0, Side.CUSTOMER: 1}[side]
    # from the first word to the busy tone
    pcm = soxr.resample(sound[8 * rate_hz : 51 * rate_hz, channel], rate_hz, RATE_HZ)
    step = RATE_HZ // 50
    power = (pcm[: len(pcm) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > 10.0**-4.5)
    breaks = np.flatnonzero(np.diff(loud) > 20)
    edges = zip([loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]], strict=True)
    clips = [pcm[max(a - 5, 0) * step : (b + 6) * step] for a, b in edges if b - a > 25]
    return [np.asarray(clip * 32_767, np.int16) for clip in clips]


def compose_day(hours: float, seed: int) -> None:
    """Write the line to standard output, frame by frame; last, the calls' times to stderr."""
    rng = np.random.default_rng(seed)
    customer, agent = voices(Side.CUSTOMER), voices(Side.AGENT)
    recipe = LineRecipe(talk_s=60.0)
    written = 0
    calls: list[tuple[float, float]] = []
    while written < hours * _HOUR:
        sound, truth = compose(
            int(rng.integers(1 << 31)),
            customer,
            agent,
            recipe=recipe,
            kinds=(*KINDS, "outgoing", "unanswered"),
            calls=1,
        )
        began_s = written / RATE_HZ
        calls += [(began_s + call.start_s, began_s + call.end_s) for call in truth.calls]
        both = np.stack([sound[side] for side in SIDES], axis=1)
        rest = both[-4 * RATE_HZ :]
        idle = np.resize(rest, (int(rng.uniform(60.0, 800.0)) * RATE_HZ // FRAME * FRAME, 2))
        for piece in (both, idle):
            sys.stdout.buffer.write(piece.tobytes())
            written += len(piece)
    sys.stdout.buffer.flush()
    sys.stderr.write(json.dumps(calls))


@dataclass
class DaySource:
    """The composed line as an AudioSource, and a look at the process every hour of line time.

    It is taken just after the next call was reported: between calls, where days can be compared.
    """

    pipe: IO[bytes]
    reported: Callable[[], int]
    """How many calls have been reported so far."""
    looks: list[dict[str, float]] = field(default_factory=list)
    start: int = 0
    closed: bool = False

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame of the day."""
        before: int | None = None
        while not self.closed and len(raw := self.pipe.read(_FRAME_BYTES)) == _FRAME_BYTES:
            both = np.frombuffer(raw, "<i2").reshape(FRAME, len(SIDES))
            pcm = {side: both[:, i].copy() for i, side in enumerate(SIDES)}
            yield AudioFrame(self.start, pcm)
            self.start += FRAME
            if self.start // _HOUR > len(self.looks):
                before = self.reported() if before is None else before
                if self.reported() > before:
                    before = None
                    self.look()
        self.look()

    def look(self) -> None:
        """Note what the process holds now."""
        process = psutil.Process()
        held = {
            "RSS, MB": round(process.memory_info().rss / 2**20, 1),
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
        }
        self.looks.append(held)
        print(f"{self.start / _HOUR:.1f} h", held, file=sys.stderr)

    def close(self) -> None:
        """End the day early."""
        self.closed = True


class Central(Listener):
    """A subscriber in the process that is measured: it keeps of each report what is asked."""

    def _got(self, batch: Sequence[Received]) -> None:
        for each in batch:
            if each.topic.endswith("/calls"):
                report = json.loads(each.body)
                kept = {name: report[name] for name in ("call_id", "started_at", "end_reason")}
                kept["quality"] = {"lost_s": report["quality"]["lost_s"]}
                self.messages.append((each.topic, json.dumps(kept).encode(), False))


class DayClock:
    """Wall time of the composed day: it begins now, so that nothing is too old for the spool."""

    began = datetime.now(UTC)

    def wall(self, line_s: float) -> datetime:
        """The beginning and so many seconds."""
        return self.began + timedelta(seconds=line_s)

    def synced(self) -> bool:
        """It is nobody's clock."""
        return False

    def call_id(self, at: datetime, line_s: float) -> str:
        """A fresh UUIDv7."""
        return uuid7(at, os.urandom(10))


def main(hours: float, seed: int) -> int:
    """Play the day; 0 when every limit held."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder / "broker").start()
        central = Central(broker)
        composer = subprocess.Popen(
            [sys.executable, __file__, "--compose", str(hours), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert composer.stdout
        assert composer.stderr
        source = DaySource(composer.stdout, lambda: len(central.on("calls")))
        settings = Settings(
            site="soak",
            device="box",
            mqtt=MqttSettings(port=broker.port),
            spool=SpoolSettings(path=folder / "spool.db"),
        )
        try:
            feed = Feed(settings.line[0], source, DayClock())
            service = Service(settings, [feed], Notifier(None))
            status = service.run(drain_s=30.0)
            calls = json.loads(composer.stderr.read())
            reports = [json.loads(body) for body in central.on("calls")]
        finally:
            composer.kill()
            composer.wait()
            central.close()
            broker.stop()
    return report(source, calls, reports, service.left, status, time.monotonic() - began)


def report(
    source: DaySource,
    calls: list[tuple[float, float]],
    reports: list[dict[str, Any]],
    left: int,
    status: int,
    spent_s: float,
) -> int:
    """Print the table; 0 when every limit held."""
    first, last = source.looks[0], source.looks[-1]
    hours = source.start / _HOUR
    ids = {str(each["call_id"]) for each in reports}
    lost_s = sum(each["quality"]["lost_s"] for each in reports)
    starts = [
        (datetime.fromisoformat(str(each["started_at"])) - DayClock.began).total_seconds()
        for each in reports
    ]
    for begin, end in calls:
        found = [round(start, 1) for start in starts if begin - 1 <= start <= end]
        if len(found) != 1:
            print(f"call {begin:.1f} to {end:.1f} s: reported at {found}", file=sys.stderr)
    print(f"{hours:.1f} hours of line time in {spent_s / 60:.0f} min.\n")
    print("| | after 1 h | at the end |\n|---|---|---|")
    for what in first:
        print(f"| {what} | {first[what]:g} | {last[what]:g} |")
    print("\n| | |\n|---|---|")
    print(f"| calls in | {len(calls)} |\n| verdicts out | {len(reports)} ({len(ids)} different) |")
    print(f"| left in the spool | {left} |\n| sound lost, s | {lost_s:g} |")
    ends: dict[str, int] = {}
    for each in reports:
        ends[str(each["end_reason"])] = ends.get(str(each["end_reason"]), 0) + 1
    print(f"| ended by | {', '.join(f'{n} {end}' for end, n in sorted(ends.items()))} |")
    good = len(calls) == len(reports) == len(ids) and not left and not status and lost_s == 0
    return 0 if good and last["RSS, MB"] - first["RSS, MB"] <= MOST_GROWTH_MB else 1


if __name__ == "__main__":
    arguments = [each for each in sys.argv[1:] if each != "--compose"]
    length = float(arguments[0]) if arguments else 24.0
    chosen = int(arguments[1]) if len(arguments) > 1 else 1
    if "--compose" in sys.argv:
        compose_day(length, chosen)
    else:
        sys.exit(main(length, chosen))
