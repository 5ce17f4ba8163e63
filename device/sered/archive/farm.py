"""One recording after the other, for workers that somebody else's scheduler feeds."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sered.archive.folder import ResultFolder, keep, kept, key_of
from sered.archive.judge import judge
from sered.box.build import load_judges

if TYPE_CHECKING:
    from pathlib import Path

    from sered.archive.task import Task
    from sered.box.build import Judges
    from sered.settings import Settings


def prepare(place: Path, settings: Settings) -> None:
    """Make the folder of results, or make sure that it was made with these settings and models.

    Call it once, before there are workers. Raises ConfigError, ModelError.
    """
    ResultFolder(place, settings, _judges(settings).versions, resume=True).close()


def judge_into(place: Path, settings: Settings, task: Task) -> str | None:
    """Judge one recording and keep the result; returns its fault, None where there is none.

    A recording whose result is there is not judged again, so a scheduler may give it out twice:
    to a second worker because the first one died, or in another run. Each process loads its models
    once. Raises FullError, ModelError.
    """
    key = key_of(task)
    if kept(place, task, key) is not None:
        return None
    result = judge(task, settings, _judges(settings))
    if key is not None and result.fault is None:
        keep(place, key, result)
    return result.fault


@lru_cache(maxsize=1)
def _judges(settings: Settings) -> Judges:
    return load_judges(settings)
