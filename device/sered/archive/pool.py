"""Judges recordings in several processes and hands their results over in the order asked for."""

from __future__ import annotations

import os
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING

from sered.archive.folder import keep
from sered.archive.judge import judge
from sered.archive.task import Result
from sered.box.build import load_judges
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sered.archive.folder import ResultFolder
    from sered.archive.task import Task
    from sered.box.build import Judges
    from sered.settings import Settings

    Work = tuple[Task, str | None]
    """A recording, and what its result is kept under."""

_AHEAD = 4
"""Recordings a process that may be done or waiting beyond the one that is handed over next."""
_HELD = 32
"""Results at hand already that are held in their turn, at most."""
_mine: tuple[Settings, Judges, Path | None] | None = None


def cores() -> int:
    """How many processes judge at once unless told otherwise."""
    return len(os.sched_getaffinity(0))


class Pool:
    """Processes that judge; one that dies costs the recording that killed it and no other.

    `keep`: where they put each result as soon as it is there (see `ResultFolder.keep`). Use as a
    context: at its end, also by Ctrl-C, no process is left.
    """

    def __init__(self, settings: Settings, jobs: int, keep: ResultFolder | None = None) -> None:
        self._settings = settings
        self._jobs = jobs
        self._keep = keep.path if keep else None
        self._waiting: deque[tuple[Work | Result, Future[Result]]] = deque()
        self._pool = self._fresh(jobs)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._pool)

    def results(self, work: Iterable[Work | Result]) -> Iterator[Result]:
        """One result each, in their order; a result that is there already is handed over in turn.

        Never more than a few are held. Raises FullError.
        """
        coming = iter(work)
        while True:
            while self._has_room() and (each := next(coming, None)):
                self._waiting.append((each, self._ask(each)))
            if not self._waiting:
                return
            each, asked = self._waiting.popleft()
            try:
                result = asked.result()
            except BrokenProcessPool:
                assert not isinstance(each, Result), "what is there already breaks no pool"
                result = self._alone(each)
                self._begin_anew()
            except KeyboardInterrupt:
                self._waiting.appendleft((each, asked))
                raise
            yield result

    def done(self) -> Iterator[Result]:
        """After Ctrl-C: what was judged by then and not handed over yet."""
        for _, asked in self._waiting:
            if _well_done(asked):
                yield asked.result()

    def _has_room(self) -> bool:
        judged = sum(not isinstance(work, Result) for work, _ in self._waiting)
        return judged < self._jobs * _AHEAD and len(self._waiting) < _HELD + self._jobs * _AHEAD

    def _ask(self, work: Work | Result) -> Future[Result]:
        known: Future[Result] = Future()
        if isinstance(work, Result):
            known.set_result(work)
            return known
        try:
            return self._pool.submit(_judge, *work)
        except BrokenProcessPool as error:
            known.set_exception(error)
            return known

    def _begin_anew(self) -> None:
        """Fresh processes, for what the broken ones had not done yet."""
        self._end(self._pool)
        self._pool = self._fresh(self._jobs)
        self._waiting = deque(
            (work, asked if _well_done(asked) else self._ask(work)) for work, asked in self._waiting
        )

    def _alone(self, work: Work) -> Result:
        """Judge a recording in a process of its own, to know whether it is what kills them."""
        task = work[0]
        with self._fresh(1) as pool:
            try:
                return pool.submit(_judge, *work).result()
            except BrokenProcessPool:
                fault = (
                    f"{shown(task.path)}: the process that judged it died. Is there too little "
                    "memory? Judge it alone to see more."
                )
                return Result(task.path, fault=fault, external_id=task.external_id)

    def _fresh(self, jobs: int) -> ProcessPoolExecutor:
        # recordings are what runs side by side; libraries that take all cores for each stand in
        # each other's way
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = "1"
        # spawned: runtimes with threads of their own do not survive a fork
        return ProcessPoolExecutor(
            jobs, get_context("spawn"), initializer=_begin, initargs=(self._settings, self._keep)
        )

    @staticmethod
    def _end(pool: ProcessPoolExecutor) -> None:
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(5.0)


def _well_done(asked: Future[Result]) -> bool:
    return asked.done() and not asked.cancelled() and asked.exception() is None


def _begin(settings: Settings, keep: Path | None) -> None:
    global _mine  # noqa: PLW0603 - one a process, loaded once
    # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mine = (settings, load_judges(settings), keep)


def _judge(task: Task, key: str | None) -> Result:
    assert _mine is not None, "the initializer has run"
    settings, judges, folder = _mine
    result = judge(task, settings, judges)
    if folder is not None and key is not None and result.fault is None:
        keep(folder, key, result)
    return result
