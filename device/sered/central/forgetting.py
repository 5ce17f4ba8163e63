"""Forgets every hour what its time is over for, until the service ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sered.central import retention
from sered.central.errors import StoreError

if TYPE_CHECKING:
    import threading

    from sered.central.context import Central

_EVERY_S = 3600.0
_log = logging.getLogger(__name__)


def run(central: Central, stop: threading.Event) -> None:
    """A store that is away is waited for."""
    while not stop.is_set():
        try:
            retention.forget(central)
        except StoreError as error:
            _log.warning("forgetting.waits reason=%s", error.reason)
        stop.wait(_EVERY_S)
