"""The appliance: starts its parts in order, watches them, stops them in reverse."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sered.box import snapshot
from sered.box.build import load_judges, make_line
from sered.box.heap import share_one_heap
from sered.box.line_worker import LineWorker
from sered.box.load import Meter
from sered.contract import messages
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.spool import Spool
from sered.records import RATE_HZ
from sered.tap.clock import kernel_clock_synced
from sered.tap.live import LiveTap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sered.box.build import Feed, Judges
    from sered.box.sd_notify import Notifier
    from sered.contract.messages import Alert, CallReport, Live
    from sered.settings import Settings

log = logging.getLogger(__name__)

_TICK_S = 0.5
_FIRST_TICKS_S = 0.05
"""Until READY: systemd waits for it."""
_LOOK_EVERY_S = 60.0
_WORDS_S = 0.7
"""For the words of the last utterances; a report without them is better than none."""
_CLOSE_S = 1.5
"""For cards that hang in the kernel."""
_SPOOL_S = 6.0
"""For reports on their way to a disk that is slow, on a box that is starved."""
_FLUSH_S = 0.7
"""With a silent broker and words that take long, a stop takes less than 3 s."""


class Service:
    """Runs the lines of a box until it is told to stop, a part dies, or its recordings end.

    `state_dir`: where `sered diagnose` finds how it goes; None: it is told nothing. `look`: what
    is wrong with the box around the lines now, (reason, sentence) each; asked once a minute.
    """

    def __init__(
        self,
        settings: Settings,
        feeds: list[Feed],
        notifier: Notifier,
        state_dir: Path | None = None,
        look: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    ) -> None:
        share_one_heap()
        self._settings = settings
        self._feeds = feeds
        self._notifier = notifier
        self._stop = threading.Event()
        self._died = ""
        self._meter = Meter()
        self._spool = Spool(settings.spool)
        self._publisher = MqttPublisher(
            settings.mqtt, settings.site, settings.device, self._spool, failed=self._fail
        )
        self._judges: Judges = load_judges(settings)
        self._workers: list[LineWorker] = []
        self._taps: dict[str, LiveTap] = {}
        self._ready = False
        self._progress: dict[str, tuple[int, int]] = {}
        self._state_dir = state_dir
        self._last_health: messages.Health | None = None
        self._look = look
        self._box = look()
        self.left = 0
        """Messages that the broker had not taken when the service ended."""
        self.why = ""
        """What stood in their way then, in a sentence or two."""
        self.kept = True
        """Whether they lie in the spool on disk."""

    def run(self, drain_s: float = 0.0) -> int:
        """Listen until the end; 0 for an orderly one, 1 when a part died.

        `drain_s`: how long to wait, after recordings, for the broker to take every verdict.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._start()
        next_health = next_look = 0.0
        while not self._stop.wait(_TICK_S if self._ready else _FIRST_TICKS_S):
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _LOOK_EVERY_S
                self._box = self._look()
            self._tick()
            if time.monotonic() >= next_health:
                next_health = time.monotonic() + self._settings.health_every_s
                self._last_health = self._health()
                self._publisher.retain("health", messages.encode(self._last_health))
            if not any(worker.alive for worker in self._workers):
                break
        self._shut_down(drain_s)
        return 1 if self._died else 0

    def stop(self) -> None:
        """Ask for an orderly end; safe from any thread."""
        self._stop.set()

    def _start(self) -> None:
        for _, sentence in self._judges.faults:
            log.warning("judge.missing %s", sentence)
        self._publisher.retain("status", messages.encode(self._status()))
        self._publisher.start()
        for feed in self._feeds:
            hook = None
            if feed.line.hook_gpio is not None:
                from sered.tap.hook_switch import HookSwitch  # noqa: PLC0415 - gpiozero is an extra

                hook = HookSwitch(feed.line.hook_gpio, active=feed.line.hook_active)
            line = make_line(self._settings, feed.line, self._judges, feed.clock)
            worker = LineWorker(
                feed.line.name,
                feed.source,
                line,
                deliver=self._deliver,
                failed=self._fail,
                hook=hook,
            )
            if isinstance(feed.source, LiveTap):
                self._taps[feed.line.name] = feed.source
            self._workers.append(worker)
            worker.start()

    def _deliver(self, message: CallReport | Alert | Live) -> None:
        """Called by the lines' threads: durable first, then on its way."""
        body = messages.encode(message)
        if isinstance(message, messages.Live):
            if self._settings.mqtt.live:
                self._publisher.live(body)
            return
        if isinstance(message, messages.Alert):
            leaf, key = "alerts", f"{message.call_id}/{message.state}"
        else:
            leaf, key = "calls", message.call_id
        self._spool.put(leaf, body, key=key, line=message.line)
        self._publisher.wake()
        if isinstance(message, messages.CallReport):
            log.info(
                "call.ended line=%s call=%s duration_s=%.1f reason=%s",
                message.line,
                message.call_id,
                message.duration_s,
                message.end_reason,
            )

    def _fail(self, what: str) -> None:
        self._died = what
        self._stop.set()

    def _tick(self) -> None:
        status = self._status()
        self._publisher.retain("status", messages.encode(status))
        self._notifier.status(self._sentence(status))
        self._tell(status)
        if not self._ready and all(tap.state.settled for tap in self._taps.values()):
            self._ready = True
            self._notifier.ready()
            log.info("service.ready lines=%d", len(self._workers))
        if self._ready and self._advanced():
            self._notifier.alive()

    def _advanced(self) -> bool:
        """Whether every line got on since it was last true: frames, or a look for its card."""
        now: dict[str, tuple[int, int]] = {}
        for worker in self._workers:
            tap = self._taps.get(worker.name)
            now[worker.name] = (worker.frames, tap.state.steps if tap else 0)
        if any(now[name] == self._progress.get(name) for name in now):
            return False
        self._progress = now
        return True

    def _status(self) -> messages.Status:
        lines = []
        for feed in self._feeds:
            tap = self._taps.get(feed.line.name)
            its = tap.state.reasons if tap else ()
            text = tap.state.sentence if tap else "plays a recording"
            lines.append(messages.LineStatus(line=feed.line.name, reasons=its, text=text))
        faults = [
            *self._judges.faults,
            *self._spool.state.faults,
            *self._publisher.state.faults,
            *self._box,
        ]
        reasons = dict.fromkeys([*(r for r, _ in faults), *(r for s in lines for r in s.reasons)])
        said = [sentence for _, sentence in faults]
        said += [f"{s.line}: {s.text}" for s in lines if s.reasons]
        return messages.Status(
            state="degraded" if reasons else "online",
            reasons=tuple(reasons),
            text=" ".join(said),
            lines=tuple(lines),
        )

    def _tell(self, status: messages.Status) -> None:
        """Say how it goes to `sered diagnose`, which must not depend on the broker."""
        if self._state_dir is None:
            return
        with contextlib.suppress(OSError):
            snapshot.write(
                self._state_dir,
                snapshot.Snapshot(
                    pid=os.getpid(),
                    at=time.monotonic(),
                    broker=self._publisher.state.sentence,
                    status=status,
                    health=self._last_health,
                    spool_oldest=self._spool.oldest,
                    sides={worker.name: self._sides(worker) for worker in self._workers},
                ),
            )

    def _sides(self, worker: LineWorker) -> dict[str, snapshot.SideState]:
        tap = self._taps.get(worker.name)
        levels = tap.state.levels_db if tap else {}
        return {
            str(side): snapshot.SideState(
                level_db=levels.get(side), blocks={str(s): n for s, n in dict(blocks).items()}
            )
            for side, blocks in list(worker.line.heard.items())
        }

    def _sentence(self, status: messages.Status) -> str:
        calls = sum(worker.line.in_call for worker in self._workers)
        broker = self._publisher.state.sentence
        waiting = self._spool.depth
        return (
            f"{status.state}: {len(self._workers)} line(s), {calls} in a call; {broker}; "
            f"{waiting} waiting. {status.text}"
        ).strip()

    def _health(self) -> messages.Health:
        load = self._meter.look()
        return messages.Health(
            at=datetime.now(UTC),
            clock_synced=kernel_clock_synced(),
            uptime_s=round(self._meter.uptime_s, 1),
            lines=tuple(self._line_health(worker) for worker in self._workers),
            spool_depth=self._spool.depth,
            spool_dropped=self._spool.dropped,
            cpu=load.cpu,
            rss_mb=load.rss_mb,
            temperature_c=load.temperature_c,
            versions=self._judges.versions,
        )

    def _line_health(self, worker: LineWorker) -> messages.LineHealth:
        tap = self._taps.get(worker.name)
        state = tap.state if tap else None
        return messages.LineHealth(
            line=worker.name,
            in_call=worker.line.in_call,
            calls=worker.line.calls,
            frames=worker.frames,
            lost_s=round(state.lost_samples / RATE_HZ, 3) if state else 0.0,
            level_db=state.level_db if state else None,
            drift_ppm=state.drift_ppm if state else None,
            restarts=state.restarts if state else 0,
            rtf=worker.rtf,
        )

    def _shut_down(self, drain_s: float) -> None:
        self._notifier.stopping()
        began = time.monotonic()
        # all at once: cards that hang in the kernel do not add up
        stops = [threading.Thread(target=each.stop, daemon=True) for each in self._workers]
        for stop in stops:
            stop.start()
        for worker in self._workers:
            if not worker.join(_left(began + _WORDS_S)):
                worker.hurry()
        for worker in self._workers:
            if not worker.join(_left(began + _SPOOL_S)):
                log.error("line.stuck line=%s", worker.name)
        for stop in stops:
            stop.join(_left(began + _CLOSE_S))
        end = time.monotonic() + (0.0 if self._died else drain_s)
        while self._spool.depth and time.monotonic() < end and not self._stop.is_set():
            time.sleep(0.02)
        spool, broker = self._spool.state, self._publisher.state
        self.left, self.kept = self._spool.depth, not spool.faults
        self.why = " ".join([*(said for _, said in spool.faults), broker.sentence])
        self._publisher.stop(_FLUSH_S)
        self._spool.close()


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
