"""All groups of checks in the order in which they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.diagnose.checks import (
    broker,
    configuration,
    emotion,
    end_to_end,
    recogniser,
    service,
    spool,
    system,
    tap,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from sered.diagnose.model import Group

GROUPS = (
    system.GROUP,
    configuration.GROUP,
    service.GROUP,
    tap.GROUP,
    emotion.GROUP,
    recogniser.GROUP,
    end_to_end.GROUP,
    spool.GROUP,
    broker.GROUP,
)


def choose(only: Collection[str], without: Collection[str]) -> tuple[Group, ...]:
    """The groups that are asked for; raises ValueError with a sentence for a name that is none."""
    names = [group.name for group in GROUPS]
    for name in (*only, *without):
        if name not in names:
            msg = f"wanted a group of checks: {', '.join(names)}; found {name!r}"
            raise ValueError(msg)
    return tuple(
        group for group in GROUPS if (not only or group.name in only) and group.name not in without
    )
