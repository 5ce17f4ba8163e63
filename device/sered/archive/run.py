"""From a list of recordings to their results: kept ones are read, the others judged, in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sered.archive.folder import kept, key_of
from sered.archive.task import Result
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sered.archive.folder import ResultFolder
    from sered.archive.pool import Pool, Work
    from sered.archive.task import Task


def shard(tasks: Sequence[Task], text: str) -> list[Task]:
    """Part `i/n` of the recordings, the same on every machine; raises ConfigError for no such."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        msg = f"--shard: wanted i/n such as 3/16, found {text!r}."
        raise ConfigError(msg)
    return list(tasks[int(part) - 1 :: int(parts)])


def results(tasks: Sequence[Task], pool: Pool, folder: ResultFolder | None) -> Iterator[Result]:
    """One result a recording, in order; what the folder has is not judged again."""
    order: deque[tuple[Task, str | None, bool]] = deque()

    def to_judge() -> Iterator[Work]:
        for task in tasks:
            key = key_of(task) if folder else None
            known = folder is not None and kept(folder.path, task, key) is not None
            order.append((task, key, known))
            if not known:
                yield task, key

    for result in pool.results(to_judge()):
        yield from _kept(order, folder)
        order.popleft()
        yield result
    yield from _kept(order, folder)


def _kept(
    order: deque[tuple[Task, str | None, bool]], folder: ResultFolder | None
) -> Iterator[Result]:
    """Those at the head of the queue that were kept; read now, so that none is held in memory."""
    while order and order[0][2]:
        task, key, _ = order.popleft()
        found = kept(folder.path, task, key) if folder else None
        yield found or Result(
            task.path,
            fault="Its result vanished while it was read. Begin again with --resume.",
            external_id=task.external_id,
        )
