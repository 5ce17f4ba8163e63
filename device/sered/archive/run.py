"""From a list of recordings to their results: kept ones are read, the others judged, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.archive.folder import kept, key_of
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sered.archive.folder import ResultFolder
    from sered.archive.pool import Pool, Work
    from sered.archive.task import Result, Task


def shard(tasks: Sequence[Task], text: str) -> list[Task]:
    """Part `i/n` of the recordings, the same on every machine; raises ConfigError for no such."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        msg = f"--shard: wanted i/n such as 3/16, found {text!r}."
        raise ConfigError(msg)
    return list(tasks[int(part) - 1 :: int(parts)])


def results(tasks: Sequence[Task], pool: Pool, folder: ResultFolder | None) -> Iterator[Result]:
    """One result a recording, in order; what the folder has is not judged again."""
    yield from pool.results(_work(tasks, folder))


def _work(tasks: Sequence[Task], folder: ResultFolder | None) -> Iterator[Work | Result]:
    """What is kept of each recording, or the recording itself where nothing is."""
    for task in tasks:
        if folder is None:
            yield task, None
            continue
        key = key_of(task)
        known = kept(folder.path, task, key)
        yield (task, key) if known is None else known
