"""The running central: starts its threads in order, watches them, stops them in reverse."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from sered.central.callers import ami, csv_folder, forgetting, matcher
from sered.central.cases import clock
from sered.central.ingest.intake import Intake
from sered.central.insight import keeping
from sered.central.notify import sender
from sered.central.store import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sered.central.context import Central

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
    """Central from start to stop; `run` returns the exit status."""

    def __init__(self, central: Central, notifier: Notifier, board: Board | None = None) -> None:
        self._central, self._notifier, self._board = central, notifier, board
        self._stop = threading.Event()
        self._dead = ""
        self.intake = Intake(central)
        self._seen = time.monotonic()
        self._threads: list[threading.Thread] = []

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
        self._central.cases_bell.ring()
        self._central.outbox_bell.ring()

    def _start(self) -> None:
        central, pbx = self._central, self._central.settings.pbx
        parts: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = [
            ("clock", clock.run, (central,)),
            ("matcher", matcher.run, (central,)),
            ("forgetting", forgetting.run, (central,)),
            ("figures", keeping.run, (central,)),
        ]
        parts += [
            (f"sender-{channel.name}", sender.run, (central, channel))
            for channel in central.settings.channel
        ]
        if pbx.folder is not None:
            parts.append(("pbx-folder", csv_folder.run, (central,)))
        if pbx.ami_host:
            parts.append(("pbx-ami", ami.run, (central,)))
        for name, part, arguments in parts:
            self._thread(name, part, *arguments, self._stop)
        if self._board is not None:
            self._board.start()
        self._thread("intake", self.intake.run, self._stop, self._progress)

    def _thread(self, name: str, part: Callable[..., None], *arguments: Any) -> None:
        def top() -> None:
            try:
                part(*arguments)
            except Exception:  # noqa: BLE001 - the top of a thread: log, stop, exit 1
                _log.exception("part.died part=%s", name)
            if not self._stop.is_set():
                self._dead = name
                self.stop()

        thread = threading.Thread(target=top, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _progress(self) -> None:
        self._seen = time.monotonic()

    def _well(self) -> bool:
        if self._board is not None and not self._board.alive:
            self._dead = "board"
        if self._dead:
            _log.error("service.ends part=%s", self._dead)
            return False
        if time.monotonic() - self._seen < _STUCK_S:
            self._notifier.alive()
        return True

    def _line(self) -> str:
        health = self.intake.health
        if health.why:
            return health.why
        return f"{health.messages} messages taken" if health.connected else "connecting"

    def _end(self) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(5.0)
        if self._board is not None:
            self._board.stop()
        self._central.store.close()
