"""The appliance: starts its parts in order, watches them, stops them in reverse."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections import deque
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from sered import config
from sered.box import snapshot, vitals
from sered.box.build import load_judges, make_line
from sered.box.heap import share_one_heap
from sered.box.line_worker import LineWorker
from sered.box.load import Meter
from sered.box.vitals import BoxVitals, LineVitals
from sered.contract import messages
from sered.contract.topics import Box
from sered.delivery import certificate
from sered.delivery.backoff import spread_s
from sered.delivery.mqtt_publisher import MqttPublisher
from sered.delivery.outbox import draft, ends_of
from sered.delivery.spool import Spool
from sered.hearing.remembered import Remembered
from sered.tap.clock import kernel_clock_synced
from sered.tap.live import LiveTap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
"""Between two looks at the cheap checks: disk, clock, certificates."""
_VERDICTS = 10
"""As many as the box's own page shows."""
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
        self._name = Box(settings.site, settings.device)
        self._feeds = feeds
        self._notifier = notifier
        self._stop = threading.Event()
        self._died = ""
        self._meter = Meter()
        self._spool = Spool(settings.spool, synced=kernel_clock_synced)
        self._publisher = MqttPublisher(
            settings.mqtt, settings.site, settings.device, self._spool, failed=self._fail
        )
        self._judges: Judges = load_judges(settings)
        self._remembered = Remembered()
        self._workers: list[LineWorker] = []
        self._ready = False
        self._progress: dict[str, tuple[int, int]] = {}
        self._verdicts: deque[snapshot.LastVerdict] = deque(maxlen=_VERDICTS)
        self._state_dir = state_dir
        self._digest = config.digest(settings)
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
                next_health = time.monotonic() + spread_s(
                    self._settings.health_every_s, first=self._last_health is None
                )
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
        if ends := ends_of(self._spool.left_open(), datetime.now(UTC)):
            log.warning("alerts.left_open calls=%d: confirmed, as nothing spoke against", len(ends))
            self._spool.put_all(ends)
        self._publisher.retain("status", messages.encode(self._status(self._vitals())))
        self._publisher.start()
        for feed in self._feeds:
            hook = None
            if feed.line.hook_gpio is not None:
                from sered.tap.hook_switch import HookSwitch  # noqa: PLC0415 - gpiozero is an extra

                hook = HookSwitch(feed.line.hook_gpio, active=feed.line.hook_active)
            line = make_line(
                self._settings, feed.line, self._judges, feed.clock, remembered=self._remembered
            )
            worker = LineWorker(
                feed.line.name,
                feed.source,
                line,
                deliver=self._deliver,
                failed=self._fail,
                hook=hook,
            )
            self._workers.append(worker)
            worker.start()

    def _deliver(self, said: Sequence[CallReport | Alert | Live]) -> None:
        """Called by the lines' threads: durable first, then on its way."""
        if drafts := [draft(each) for each in said if not isinstance(each, messages.Live)]:
            self._spool.put_all(drafts)
            self._publisher.wake()
        for each in said:
            if isinstance(each, messages.Live):
                self._publisher.live(messages.encode(each))
            elif isinstance(each, messages.CallReport):
                log.info(
                    "call.ended line=%s call=%s duration_s=%.1f reason=%s",
                    each.line,
                    each.call_id,
                    each.duration_s,
                    each.end_reason,
                )
                self._verdicts.append(snapshot.last_verdict(each))

    def _fail(self, what: str) -> None:
        self._died = what
        self._stop.set()

    def _tick(self) -> None:
        lines = self._vitals()
        status = self._status(lines)
        self._publisher.retain("status", messages.encode(status))
        broker, waiting = self._publisher.state.sentence, self._spool.depth
        self._notifier.status(vitals.sentence(status, lines, broker, waiting))
        self._tell(status, lines)
        if not self._ready and all(line.tap.settled for line in lines if line.tap):
            self._ready = True
            self._notifier.ready()
            log.info("service.ready lines=%d", len(self._workers))
        if self._ready:
            now = vitals.progress(lines)
            if vitals.advanced(now, self._progress):
                self._progress = now
                self._notifier.alive()

    def _vitals(self) -> tuple[LineVitals, ...]:
        workers = {worker.name: worker for worker in self._workers}
        return tuple(_line_vitals(feed, workers.get(feed.line.name)) for feed in self._feeds)

    def _status(self, lines: tuple[LineVitals, ...]) -> messages.Status:
        faults = (
            self._judges.faults, self._spool.state.faults, self._publisher.state.faults, self._box
        )  # fmt: skip
        return vitals.status(self._name, lines, chain.from_iterable(faults))

    def _health(self) -> messages.Health:
        box = BoxVitals(
            at=datetime.now(UTC),
            clock_synced=kernel_clock_synced(),
            uptime_s=self._meter.uptime_s,
            load=self._meter.look(),
            spool_depth=self._spool.depth,
            spool_dropped=self._spool.dropped,
            certificate_until=certificate.first_end(self._settings.mqtt),
            versions=self._judges.versions,
        )
        lines = self._vitals()
        return vitals.health(self._status(lines), box, lines)

    def _tell(self, status: messages.Status, lines: tuple[LineVitals, ...]) -> None:
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
                    connected=self._publisher.state.connected,
                    verdicts=tuple(self._verdicts),
                    status=status,
                    health=self._last_health,
                    configuration=self._digest,
                    spool_waits_s=self._spool.waits_s,
                    sides={line.name: snapshot.sides(line) for line in lines},
                ),
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


def _line_vitals(feed: Feed, worker: LineWorker | None) -> LineVitals:
    """What a line's tap and worker say; before there is a worker, the tap alone."""
    tap = feed.source.state if isinstance(feed.source, LiveTap) else None
    if worker is None:
        return LineVitals(feed.line.name, tap)
    return LineVitals(
        feed.line.name,
        tap,
        in_call=worker.line.in_call,
        calls=worker.line.calls,
        frames=worker.frames,
        rtf=worker.rtf,
        sides=worker.line.sides_found,
        # the line's thread counts on while this one reads
        heard={side: dict(blocks) for side, blocks in list(worker.line.heard.items())},
    )


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
