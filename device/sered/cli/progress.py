"""How far long work has got: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from rich.console import Console

_STEP = 0.02


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
