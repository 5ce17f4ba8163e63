"""Tells other programs of every state of a case: a row in the outbox for each webhook that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.central.store import upsert
from sered.central.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from sered.central.settings import CentralSettings

OPENED = "opened"


def tell(
    connection: Connection,
    settings: CentralSettings,
    states: Iterable[tuple[int, int, str]],
    now: datetime,
) -> None:
    """Of (case, its version, state), in the transaction of what it tells."""
    channels = [channel.name for channel in settings.channel if channel.states]
    if not channels:
        return
    rows = [
        {"case_id": case_id, "step": 0, "channel": name, "created": now, "due": now,
         "dedupe": f"state:{case_id}:{version}:{name}", "event": str(state)}
        for case_id, version, state in states
        for name in channels
    ]  # fmt: skip
    upsert.insert_if_new(connection, outbox, rows)
