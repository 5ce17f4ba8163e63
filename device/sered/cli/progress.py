"""How far long work has got: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import Console

_STEP = 0.02


class Bar:
    """One bar for the file in hand; gone when all is done."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
        )
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._task = self._progress.add_task("", total=1.0)
        self._name = ""
        self._share = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, name: str, share: float) -> None:
        """`share` of the file called `name` is done."""
        if name != self._name:
            self._name, self._share = name, 0.0
            self._progress.reset(self._task, description=name)
        if share >= self._share + _STEP or share == 1.0:
            self._share = share
            self._progress.update(self._task, completed=share)


class Lines:
    """A line for each file when there are several; silence for one."""

    def __init__(self, console: Console, files: int) -> None:
        self._console = console
        self._files = files
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, name: str, share: float) -> None:
        """`share` of the file called `name` is done."""
        if share == 1.0:
            self._done += 1
            if self._files > 1:
                self._console.print(f"{self._done}/{self._files} {name}", soft_wrap=True)
