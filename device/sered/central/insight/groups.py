"""How many desks a group has: of fewer than five nothing is said, since a desk is a person."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import select

from sered.central.store.tables import desk

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

FEWEST = 5
"""Desks."""
SMALL = "fewer than five desks"


class Desks:
    """Counts of desks that had calls since a moment, by site and by queue."""

    def __init__(self, connection: Connection, since: datetime) -> None:
        query = select(desk.c.site, desk.c.queue, desk.c.device, desk.c.line).where(
            desk.c.last_call >= since
        )
        found = connection.execute(query).all()
        self.all = len({(row.site, row.device, row.line) for row in found})
        self.by_site = Counter(
            site for site, _, _ in {(row.site, row.device, row.line) for row in found}
        )
        self.by_queue = Counter((row.site, row.queue) for row in found)

    def enough(self, site: str | None = None, queue: str | None = None) -> bool:
        """Whether a group is large enough to say something about."""
        if site is None:
            return self.all >= FEWEST
        if queue is None:
            return self.by_site[site] >= FEWEST
        return self.by_queue[site, queue] >= FEWEST
