"""Judges what a command was given, says what there is to say on the way, and answers Ctrl-C."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from sered.archive.judge import PAIR, judge
from sered.archive.pool import Pool, cores
from sered.archive.run import results
from sered.box.build import load_judges
from sered.cli import options
from sered.cli.progress import Bar, Total
from sered.tap.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sered.archive.folder import ResultFolder
    from sered.archive.task import Result, Task
    from sered.box.build import Judges
    from sered.settings import Settings


class _Taker(Protocol):
    def take(self, result: Result) -> None: ...


class Judging:
    """One run over some recordings, in `jobs` processes; `running`: with the running scores."""

    def __init__(self, settings: Settings, jobs: int | None, *, running: bool = False) -> None:
        self.settings = settings
        self._jobs = jobs or cores()
        self._running = running
        self._say = options.console(err=True)
        self._noted: set[str] = set()
        self.stopped = False
        """Whether somebody pressed Ctrl-C."""

    @cached_property
    def judges(self) -> Judges:
        """The models, loaded once here; each process loads its own."""
        found = load_judges(self.settings)
        for _, sentence in found.faults:
            self._say.print(f"note: {sentence}", soft_wrap=True)
        return found

    def work(
        self, tasks: Sequence[Task], folder: ResultFolder | None, takers: Sequence[_Taker]
    ) -> None:
        """Hand every result to every taker, in the order of the recordings.

        Ctrl-C ends it early: what is judged by then is handed over, and how far it came is said.
        """
        done = 0
        # raises before any process is started when nothing can judge
        _ = self.judges
        alone = self._running or (len(tasks) == 1 and folder is None)
        source = self._here(tasks) if alone else self._side_by_side(tasks, folder)
        try:
            for result in source:
                self._tell(result)
                for taker in takers:
                    taker.take(result)
                done += 1
        except KeyboardInterrupt:
            self.stopped = True
            kept = f" It is kept in {shown(folder.path)}: go on with --resume." if folder else ""
            self._say.print(
                f"Stopped after {done} of {len(tasks)} recordings.{kept}", soft_wrap=True
            )

    def _here(self, tasks: Sequence[Task]) -> Iterator[Result]:
        bar = Bar(self._say) if self._say.is_terminal else None
        for task in tasks:
            if bar is None:
                yield judge(task, self.settings, self.judges, running=self._running)
                continue
            with bar:
                result = judge(task, self.settings, self.judges, bar, running=self._running)
            yield result

    def _side_by_side(self, tasks: Sequence[Task], folder: ResultFolder | None) -> Iterator[Result]:
        with (
            Pool(self.settings, min(self._jobs, max(len(tasks), 1)), folder) as pool,
            Total(self._say, tasks) as total,
        ):
            try:
                for result in results(tasks, pool, folder):
                    total.done(result.path)
                    yield result
            except KeyboardInterrupt:
                yield from pool.done()
                raise

    def _tell(self, result: Result) -> None:
        if result.fault:
            self._say.print(f"sered: {result.fault}", soft_wrap=True)
        for note in result.notes:
            self._say.print(f"note: {shown(result.path)}: {note}", soft_wrap=True)
        if result.calls and result.assumed and result.assumed not in self._noted:
            self._noted.add(result.assumed)
            self._say.print(_assumed(result.assumed), soft_wrap=True)


def _assumed(sides: str) -> str:
    if sides == PAIR:
        return f"note: took {PAIR}; say it otherwise with --sides."
    return (
        "note: took the one channel for the customer's; a recording of both people is "
        "--sides mixed=mono."
    )
