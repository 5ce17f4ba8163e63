"""One line's analysis thread: frames from its source, through the line, results handed on."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from sered.box.heap import give_back
from sered.errors import SeredError
from sered.records import FRAME, RATE_HZ, EndReason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sered.box.line import Line
    from sered.contract.messages import Alert, CallReport, Live
    from sered.tap.hook_switch import HookSwitch
    from sered.tap.source import AudioSource

log = logging.getLogger(__name__)


class LineWorker:
    """Runs one line until its source ends or `stop` is called.

    `deliver` is called from this thread with all that the line gives at one moment, which belongs
    together. `failed` is called once, when the thread dies of a fault of ours.
    """

    def __init__(
        self,
        name: str,
        source: AudioSource,
        line: Line,
        *,
        deliver: Callable[[Sequence[CallReport | Alert | Live]], None],
        failed: Callable[[str], None],
        hook: HookSwitch | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.line = line
        self.frames = 0
        """Frames that went through the whole pipe."""
        self.busy_s = 0.0
        """Seconds of work on them."""
        self._deliver = deliver
        self._failed = failed
        self._hook = hook
        self._reason = EndReason.END_OF_RECORDING
        self._thread = threading.Thread(target=self._run, name=f"line-{name}", daemon=True)

    @property
    def rtf(self) -> float | None:
        """Seconds of work a second of sound."""
        heard_s = self.frames * FRAME / RATE_HZ
        return round(self.busy_s / heard_s, 4) if heard_s else None

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the source; the call that runs is reported with `shutdown`."""
        self._reason = EndReason.SHUTDOWN
        self.source.close()

    def hurry(self) -> None:
        """The call that runs must be reported now: with what is known of it."""
        self.line.hurry()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._listen()
            self._finish(self._reason)
        except SeredError as error:
            # a recording that is cut off: the sentence says what to do, a traceback would not
            log.error("line.ended line=%s %s", self.name, error)  # noqa: TRY400 - see above
            self._failed(str(error))
        except Exception:
            log.exception("line.died line=%s", self.name)
            # what was heard of the call until our fault is its customer's all the same
            with contextlib.suppress(Exception):
                self._finish(EndReason.SHUTDOWN)
            self._failed(f"line {self.name} died")

    def _listen(self) -> None:
        for frame in self.source.frames():
            began, calls = time.perf_counter(), self.line.calls
            off_hook = self._hook.off_hook if self._hook else None
            if said := self.line.feed(frame, off_hook):
                self._deliver(said)
            if self.line.calls != calls:
                give_back()
            self.busy_s += time.perf_counter() - began
            self.frames += 1

    def _finish(self, reason: EndReason) -> None:
        if said := self.line.finish(reason):
            self._deliver(said)
