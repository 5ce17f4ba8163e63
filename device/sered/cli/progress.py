"""How far long work has got: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from sered.archive.task import Task

_STEP = 0.02
_SAY_EVERY_S = 60.0


class Bar:
    """A bar for the file in hand; gone when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._share = 0.0

    def __enter__(self) -> Self:
        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        self._progress = Progress(
            *columns,
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1.0)
        self._share = -1.0
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, name: str, share: float) -> None:
        """`share` of the file called `name` is done."""
        if share >= self._share + _STEP:
            self._share = share
            self._progress.update(self._task, description=name, completed=share)


class Total:
    """How far a run over many recordings has got: by their sizes, with the time that is left.

    A bar on a terminal; elsewhere a line a minute.
    """

    def __init__(self, console: Console, tasks: Sequence[Task]) -> None:
        self._console = console
        self._count = len(tasks)
        self._all = sum(_size(task.path) for task in tasks) or 1
        self._bytes = self._files = 0
        self._began = self._said = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(self._text(), total=self._all)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, path: Path) -> None:
        """One more recording is judged."""
        self._files += 1
        self._bytes += _size(path)
        if self._bar is not None:
            self._bar.update(self._task, description=self._text(), completed=self._bytes)
        elif time.monotonic() - self._said >= _SAY_EVERY_S and self._files < self._count:
            self._said = time.monotonic()
            spent = self._said - self._began
            left = spent / max(self._bytes, 1) * max(self._all - self._bytes, 0)
            line = f"{self._text()}, about {left / 60:.0f} min left"
            self._console.print(line, soft_wrap=True)

    def _text(self) -> str:
        return f"{self._files} of {self._count} recordings"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
