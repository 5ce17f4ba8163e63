"""Keeps the figures fresh: counts once a minute, last week's courtesy sample once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sered.central.errors import StoreError
from sered.central.insight import case_counts, missed, rollup, told, weekly

if TYPE_CHECKING:
    import threading

    from sered.central.context import Central

EVERY_S = 60.0
_log = logging.getLogger(__name__)


def run(central: Central, stop: threading.Event) -> None:
    """Until `stop`; a store that is away is waited for."""
    while not stop.is_set():
        try:
            count(central)
            missed.draw(central)
            weekly.due(central)
        except StoreError as error:
            _log.warning("figures.wait reason=%s", error.reason)
        stop.wait(EVERY_S)


def count(central: Central) -> None:
    """Bring all counts up to the rows."""
    rollup.follow(central)
    told.follow(central)
    case_counts.follow(central)


def rebuild(central: Central) -> None:
    """Make all counts anew from the rows, as far as those are there still.

    Whatever is left of it after an end in the middle is done by the next `count`.
    """
    rollup.mark_all(central)
    case_counts.mark_all(central)
    told.forget(central)
    count(central)


def differences(central: Central) -> list[str]:
    """A sentence for every count that is not that of the rows; none: they agree."""
    return [
        *rollup.differences(central), *told.differences(central), *case_counts.differences(central)
    ]  # fmt: skip
