"""What waits for the broker: durable before put() returns, given up only at limits, and counted."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from sered.delivery import spool_mending
from sered.delivery.age import age_s
from sered.delivery.expiry import Clocks, boot_id, too_old, uptime_s
from sered.delivery.spool_file import SpoolFile
from sered.delivery.spool_row import Damaged, Draft, Message, code
from sered.errors import SpoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from sered.delivery.spool_mending import SpoolState, StateName
    from sered.settings import SpoolSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

_MEMORY = 1000
"""Messages kept in memory while the disk takes none."""
_RETRY_S = 2.0
"""How often a disk that took none is tried again."""
_EXPIRE_EVERY_S = 600.0
_DAY_S = 86_400.0
_CHUNK = 64
"""Messages of a spool that is given away that are read at once."""


class Spool:
    """An outbox on disk for many writers and one publisher; safe from any thread.

    Where the disk fails, messages wait in memory and go to disk as soon as it takes them.
    Raises SpoolError only when another process has the file. `now` is wall time, which counts only
    where `synced`; `uptime` counts from `boot`; None: from this one.
    """

    def __init__(
        self,
        settings: SpoolSettings,
        *,
        now: Callable[[], float] = time.time,
        uptime: Callable[[], float] = uptime_s,
        synced: Callable[[], bool] = lambda: False,
        boot: str | None = None,
    ) -> None:
        self._settings = settings
        self._path = settings.path
        self._clocks = Clocks(now, uptime, synced, boot_id() if boot is None else boot)
        self._lock = threading.RLock()
        self._file: SpoolFile | None = None
        self._memory: dict[str, Message] = {}
        self._acknowledged: set[str] = set()
        self._last_id = 0
        self._given_up = 0
        self._lost_from_memory = 0
        self._trouble: tuple[StateName, str] = ("ok", "")
        self._aside: Path | None = None
        self._fresh = self._path.with_name(self._path.name + ".new")
        self._retry_at = 0.0
        self._expired_at: float | None = None
        self._opened = self._closed = False
        with self._lock:
            self._settle()
        self._opened = True

    def put(self, leaf: str, payload: bytes, *, key: str, line: str) -> bool:
        """Take one message; see put_all()."""
        return self.put_all([Draft(leaf, key, line, payload)])

    def put_all(self, drafts: Collection[Draft]) -> bool:
        """Take messages; True when all are on the medium, False when only memory has some for now.

        Those of one call are there together or not at all, whenever the power is cut. While one
        with the same key waits, the first content stays.
        """
        with self._lock:
            stamp = self._clocks.stamp()
            for draft in drafts:
                message = Message(0, draft.key, draft.leaf, draft.line, stamp, draft.payload)
                self._memory.setdefault(draft.key, message)
            while len(self._memory) > _MEMORY:
                del self._memory[next(iter(self._memory))]
                self._lost_from_memory += 1
            self._retry_at = 0.0
            self._settle()
            return not any(draft.key in self._memory for draft in drafts)

    def left_open(self) -> list[Draft]:
        """Provisional alerts whose call never ended: a kill or a power cut came between."""
        with self._lock:
            return self._guarded(SpoolFile.left_open) or []

    def peek(
        self,
        limit: int,
        *,
        after: int = 0,
        skip: Collection[str] = (),
        without: Collection[str] = (),
    ) -> list[Message]:
        """Up to `limit` messages in order, with an id over `after`; nothing is taken out.

        `skip`: keys that are on their way already. `without`: leaves that must wait.
        """
        with self._lock:
            due = time.monotonic() >= self._retry_at
            if due and (self._memory or self._acknowledged or self._file is None):
                self._settle()
            unwanted = self._acknowledged.union(skip)
            rows = self._guarded(lambda file: file.read(after, limit + len(unwanted), without))
            held = [m for m in self._memory.values() if m.leaf not in without]
            return [m for m in (rows or []) + held if m.key not in unwanted][:limit]

    def done(self, keys: Collection[str]) -> None:
        """Forget messages that the broker has acknowledged."""
        with self._lock:
            for key in keys:
                if self._memory.pop(key, None) is None:
                    self._acknowledged.add(key)
            self._guarded(self._forget)

    @property
    def depth(self) -> int:
        """Messages that wait."""
        with self._lock:
            on_disk = self._file.count if self._file else 0
            return max(on_disk - len(self._acknowledged), 0) + len(self._memory)

    @property
    def dropped(self) -> int:
        """Messages given up at the limits since the spool was made."""
        with self._lock:
            on_disk = self._guarded(lambda file: file.tally("dropped")) or 0
            return on_disk + self._lost_from_memory

    @property
    def waits_s(self) -> float | None:
        """How long the first message has waited, as far as a clock can tell; None: none waits."""
        with self._lock:
            first = next(iter(self.peek(1)), None)
            return (age_s(first.at, self._clocks.stamp()) or 0.0) if first else None

    @property
    def state(self) -> SpoolState:
        """How the spool is, as one record."""
        with self._lock:
            # a file that was deleted is noticed while its content can still be had
            self._guarded(SpoolFile.check)
            return spool_mending.state_of(
                self._trouble, self._aside, self._given_up + self._lost_from_memory
            )

    def close(self) -> None:
        """Let go of the file; what is only in memory is tried on disk once more."""
        with self._lock:
            if self._closed:
                return
            self._settle()
            self._closed = True
            if self._memory:
                log.error("spool.lost messages=%d: %s", len(self._memory), self._trouble[1])
            if self._file:
                self._file.close()
                self._file = None

    def _settle(self) -> None:
        """Bring the file up to what memory knows; leaves `_trouble` true."""
        if self._guarded(self._write) and self._trouble[0] != "set_aside":
            self._say("ok", "")

    def _write(self, file: SpoolFile) -> bool:
        waiting = list(self._memory.values())
        for _, call in groupby(waiting, key=lambda message: message.call_id):
            first = max(file.last_id, self._last_id) + 1
            rows = [replace(message, id=number) for number, message in enumerate(call, first)]
            file.insert(rows)
            self._last_id = rows[-1].id
            for row in rows:
                del self._memory[row.key]
            self._limit(file)
        self._forget(file)
        return True

    def _forget(self, file: SpoolFile) -> None:
        if self._acknowledged:
            file.delete(self._acknowledged)
            self._acknowledged.clear()

    def _guarded(self, work: Callable[[SpoolFile], T]) -> T | None:
        """The work's result; None when the file cannot do it, and `_trouble` says why."""
        if self._file is None and time.monotonic() < self._retry_at:
            return None
        for _ in range(2):
            try:
                file = self._file = self._file or self._open()
                self._last_id = max(self._last_id, file.last_id)
                file.check()
                return work(file)
            except Damaged as damage:
                if not self._mend(str(damage)):
                    return None
            except (sqlite3.Error, OSError) as error:
                self._fail(error)
                return None
        return None

    def _open(self) -> SpoolFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._fresh.exists() and not self._path.exists():
            self._fresh.replace(self._path)
        file = SpoolFile(self._path)
        if self._fresh.exists():
            spool_mending.salvage(self._fresh, file)
            self._fresh.unlink()
        return file

    def _fail(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        name, sentence = spool_mending.trouble(error, self._path)
        self._say(name, sentence)
        if code(error) == sqlite3.SQLITE_BUSY and not self._opened:
            raise SpoolError(sentence) from error
        if name == "failed" and self._file:
            self._file.close()
            self._file = None

    def _mend(self, why: str) -> bool:
        """Put a new file in place of a damaged one and fill it with all that can still be read."""
        try:
            with closing(self._start_fresh()) as fresh:
                if self._file:
                    fresh.fill(self._file.rows(), self._last_id)
                    self._file.close()
                    self._file = None
                if self._path.exists():
                    spool_mending.salvage(self._path, fresh, self._last_id)
            self._aside = spool_mending.set_aside(self._path, self._path)
            self._fresh.replace(self._path)
        except (sqlite3.Error, OSError, Damaged) as error:
            self._fail(error)
            return False
        lies = f"; it lies in {self._aside}" if self._aside else ""
        self._say(
            "set_aside",
            f"The spool {self._path} was damaged ({why}){lies}. What could be read of it goes on.",
        )
        return True

    def _start_fresh(self) -> SpoolFile:
        """An empty file to mend into, or the sound one of a mending that was interrupted."""
        try:
            return SpoolFile(self._fresh)
        except Damaged:
            spool_mending.set_aside(self._fresh, self._path)
            return SpoolFile(self._fresh)

    def _say(self, name: StateName, sentence: str) -> None:
        if (name, sentence) != self._trouble:
            log.log(
                logging.INFO if name == "ok" else logging.ERROR,
                "spool.%s %s",
                name,
                sentence or "writes again",
            )
        self._trouble = (name, sentence)

    def _limit(self, file: SpoolFile) -> None:
        while file.count > 1 and file.size_bytes > self._settings.max_mb * 1e6:
            self._give_up(file, file.least(min(_CHUNK, file.count - 1)))

    def expire(self) -> None:
        """Give up what is older than the limit; for the publisher, once it has tried all of it.

        Only what a trusted clock calls old.
        """
        with self._lock:
            up = self._clocks.uptime()
            if self._expired_at is None or not 0.0 <= up - self._expired_at < _EXPIRE_EVERY_S:
                self._expired_at = up
                self._guarded(self._give_up_old)

    def _give_up_old(self, file: SpoolFile) -> None:
        for keys in too_old(file, self._clocks.stamp(), self._settings.max_days * _DAY_S):
            self._give_up(file, keys)

    def _give_up(self, file: SpoolFile, keys: list[str]) -> None:
        file.delete(keys, tally="dropped")
        self._given_up += len(keys)
        log.error("spool.dropped messages=%d", len(keys))
