"""Tells whoever waits in this process that something changed: cases, steps or notifications."""

from __future__ import annotations

import threading


class Bell:
    """A counter that people and threads can wait on; ringing never blocks."""

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._count = self._own = 0

    @property
    def count(self) -> int:
        """How often it rang."""
        return self._count

    @property
    def own(self) -> int:
        """How often something changed by this process."""
        return self._own

    def ring(self) -> None:
        """Wake everybody: this process changed something."""
        with self._rung:
            self._own += 1
            self._count += 1
            self._rung.notify_all()

    def echo(self) -> None:
        """Wake everybody: another process did."""
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def wait(self, since: int, timeout_s: float) -> int:
        """The count as soon as it is not `since` any more, at the latest after `timeout_s`."""
        with self._rung:
            self._rung.wait_for(lambda: self._count != since, timeout_s)
            return self._count
