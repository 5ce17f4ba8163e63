"""What waits for the broker: durable before put() returns, given up only at limits, and counted."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sered.delivery.spool_file import SpoolFile, StateName, salvage, set_aside, trouble
from sered.delivery.spool_row import Damaged, Message, code
from sered.errors import SpoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from sered.settings import SpoolSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

_MEMORY = 1000
"""Messages kept in memory while the disk takes none."""
_RETRY_S = 2.0
"""How often a disk that took none is tried again."""
_EXPIRE_EVERY_S = 600.0
_CLOCK_STEP_S = 60.0
_DAY_S = 86_400.0
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How the spool is."""

    name: StateName = "ok"
    sentence: str = ""
    """For a technician; empty when all is well."""
    faults: tuple[tuple[str, str], ...] = ()
    """(reason, sentence) of all that `status` must say."""


class Spool:
    """An outbox on disk for many writers and one publisher; safe from any thread.

    Where the disk fails, messages wait in memory and go to disk as soon as it takes them.
    Raises SpoolError only when another process has the file.
    """

    def __init__(
        self,
        settings: SpoolSettings,
        *,
        now: Callable[[], float] = time.time,
        uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._settings = settings
        self._path = settings.path
        self._now, self._uptime = now, uptime
        self._clock = now() - uptime()
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
        self._expire_at = 0.0
        self._opened = self._closed = False
        with self._lock:
            self._settle()
        self._opened = True

    def put(
        self, leaf: str, payload: bytes, *, key: str, line: str, at: float | None = None
    ) -> bool:
        """Take a message; True when it is on the medium, False when only memory has it for now.

        `key`: CALL_ID of a report, CALL_ID/STATE of an alert. While one with this key waits, the
        first content stays. `at`: since when it waits, in seconds since 1970; None: from now on. It
        is not when the call was: a replayed recording may be years old.
        """
        with self._lock:
            if key in self._memory:
                return False
            stamp = self._now() if at is None else at
            self._memory[key] = Message(0, key, leaf, line, stamp, payload)
            if len(self._memory) > _MEMORY:
                del self._memory[next(iter(self._memory))]
                self._lost_from_memory += 1
            self._retry_at = 0.0
            self._settle()
            return key not in self._memory

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
            self._expire()
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
    def oldest(self) -> float | None:
        """When the longest waiting message was put, in seconds since 1970; None: none waits."""
        with self._lock:
            first = next(iter(self.peek(1)), None)
            return first.at if first else None

    @property
    def state(self) -> SpoolState:
        """How the spool is, as one record."""
        with self._lock:
            # a file that was deleted is noticed while its content can still be had
            self._guarded(SpoolFile.check)
            name, sentence = self._trouble
            faults = [] if name == "ok" else [(f"spool_{name}", sentence)]
            if self._aside and name != "set_aside":
                faults.append(("spool_set_aside", f"A damaged spool lies in {self._aside}."))
            if given_up := self._given_up + self._lost_from_memory:
                said = f"{given_up} message(s) were given up: the spool is at its limit."
                faults.append(("spool_dropped", said))
            return SpoolState(name, sentence, tuple(faults))

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
        for key, message in list(self._memory.items()):
            self._last_id = max(file.last_id, self._last_id) + 1
            file.insert(replace(message, id=self._last_id))
            del self._memory[key]
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
            salvage(self._fresh, file)
            self._fresh.unlink()
        return file

    def _fail(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        name, sentence = trouble(error, self._path)
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
                    salvage(self._path, fresh, self._last_id)
            self._aside = set_aside(self._path, self._path)
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
            set_aside(self._fresh, self._path)
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

    def _expire(self) -> None:
        if self._uptime() < self._expire_at:
            return
        self._expire_at = self._uptime() + _EXPIRE_EVERY_S
        self._guarded(self._give_up_old)

    def _give_up_old(self, file: SpoolFile) -> None:
        clock = self._now() - self._uptime()
        if abs(step := clock - self._clock) > _CLOCK_STEP_S:
            # stamps came from a clock that was wrong: nothing may seem a month old for that
            file.shift(step)
            self._clock = clock
        limit = self._now() - self._settings.max_days * _DAY_S
        while keys := file.older(limit, _CHUNK):
            self._give_up(file, keys)

    def _give_up(self, file: SpoolFile, keys: list[str]) -> None:
        file.delete(keys, tally="dropped")
        self._given_up += len(keys)
        log.error("spool.dropped messages=%d", len(keys))
