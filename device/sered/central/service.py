"""The running central: starts its threads in order, watches them, stops them in reverse."""

from __future__ import annotations

import logging
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sered.central import forgetting
from sered.central.callers import ami, csv_folder, matcher
from sered.central.cases import clock
from sered.central.ingest.intake import Intake
from sered.central.insight import keeping
from sered.central.notify import sender
from sered.central.store import migrate, months, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sered.central.context import Central

PARTS = ("ingest", "clock", "web")
"""What a process of central can be: each may run many times on one PostgreSQL."""
_LOOK_S = 1.0
_STUCK_S = 60.0
"""An intake that did nothing for so long stands still; it looks around every second."""
_log = logging.getLogger(__name__)


class Board(Protocol):
    """The pages."""

    @property
    def alive(self) -> bool:
        """Whether it still answers."""

    def start(self) -> None:
        """Begin to answer."""

    def stop(self) -> None:
        """End."""


class Notifier(Protocol):
    """Tells whoever started the service how it is."""

    def ready(self) -> None:
        """All parts run."""

    def status(self, text: str) -> None:
        """One line for people."""

    def alive(self) -> None:
        """There was progress."""

    def stopping(self) -> None:
        """The end has begun."""


class Service:
    """Central from start to stop; `run` returns the exit status.

    `parts`: which of PARTS this process is; the board is that of "web".
    """

    def __init__(
        self,
        central: Central,
        notifier: Notifier,
        board: Board | None = None,
        parts: Collection[str] = PARTS,
    ) -> None:
        self._central, self._notifier, self._board = central, notifier, board
        self._parts = parts
        self._stop = threading.Event()
        self._dead = ""
        self.intake = Intake(central)
        self._seen = time.monotonic()
        self._threads: list[threading.Thread] = []
        self._led: list[threading.Thread] = []
        self._lead_over = threading.Event()

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or `stop`; 1: a part ended that should not have."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        migrate.check(self._central.store)
        self._start()
        self._notifier.ready()
        try:
            while not self._stop.wait(_LOOK_S) and self._well():
                self._notifier.status(self._line())
        finally:
            self._notifier.stopping()
            self._end()
        return 1 if self._dead else 0

    def stop(self) -> None:
        """End soon."""
        self._stop.set()
        self._lead_over.set()
        self._central.cases_bell.ring()
        self._central.outbox_bell.ring()

    def _start(self) -> None:
        central, store = self._central, self._central.store
        if wire.needed(store):
            self._thread("wire", self._stop, partial(wire.carry_bells, central))
        if "clock" in self._parts:
            self._thread("clock", self._stop, partial(clock.run, central))
            for channel in central.settings.channel:
                send = partial(sender.run, central, channel)
                self._thread(f"sender-{channel.name}", self._stop, send)
            if wire.needed(store):
                lead = partial(wire.lead, store, begin=self._lead, end=self._follow)
                self._thread("leader", self._stop, lead)
            else:
                self._lead()
        if self._board is not None:
            self._board.start()
        if "ingest" in self._parts:
            run = partial(self.intake.run, alive=self._progress)
            self._thread("intake", self._stop, run)

    def _lead(self) -> None:
        """Begin what only one process does."""
        central, pbx = self._central, self._central.settings.pbx
        # one of its own each time: a part of the last lead may still be on its way out
        self._lead_over = threading.Event()
        alone = {
            "matcher": matcher.run,
            "forgetting": forgetting.run,
            "figures": keeping.run,
            "months": months.run,
        }
        if pbx.folder is not None:
            alone["pbx-folder"] = csv_folder.run
        if pbx.ami_host:
            alone["pbx-ami"] = ami.run
        self._led = [
            self._thread(name, self._lead_over, partial(part, central))
            for name, part in alone.items()
        ]

    def _follow(self) -> None:
        """End it: another process may do it now."""
        self._lead_over.set()
        for thread in self._led:
            thread.join(5.0)

    def _thread(
        self, name: str, stop: threading.Event, part: Callable[[threading.Event], None]
    ) -> threading.Thread:
        def top() -> None:
            try:
                part(stop)
            except Exception:  # noqa: BLE001 - the top of a thread: log, stop, exit 1
                _log.exception("part.died part=%s", name)
            if not stop.is_set():
                self._dead = name
                self.stop()

        thread = threading.Thread(target=top, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _progress(self) -> None:
        self._seen = time.monotonic()

    def _well(self) -> bool:
        if self._board is not None and not self._board.alive:
            self._dead = "board"
        if self._dead:
            _log.error("service.ends part=%s", self._dead)
            return False
        if "ingest" not in self._parts or time.monotonic() - self._seen < _STUCK_S:
            self._notifier.alive()
        return True

    def _line(self) -> str:
        if "ingest" not in self._parts:
            return " and ".join(self._parts)
        health = self.intake.health
        if why := self._central.intake_says.sentence:
            return why
        return f"{health.messages} messages taken" if health.connected else "connecting"

    def _end(self) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(5.0)
        if self._board is not None:
            self._board.stop()
        self._central.store.close()
