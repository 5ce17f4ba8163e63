"""How many desks a group has lately: of fewer than five nothing is said, since a desk is a person.

For figures of cases and courtesy calls, which are of a time of weeks. What is said of a day's calls
is chosen when the day is told (`told`).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sered.central.insight.cells import FEWEST, named
from sered.central.insight.told import OTHERS
from sered.central.store.tables import desk

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

SMALL = "fewer than five desks"


class Desks:
    """Counts of desks that had calls since a moment, by site and by version there."""

    def __init__(self, connection: Connection, since: datetime) -> None:
        self._lately = desk.c.last_call >= since
        place = (desk.c.site, desk.c.device, desk.c.line)
        found = select(*place).where(self._lately).distinct().subquery()
        query = select(found.c.site, func.count()).group_by(found.c.site)
        self._by_site = {str(site): int(n) for site, n in connection.execute(query)}
        self.sites = {site for site, n in self._by_site.items() if n >= FEWEST}
        """Sites that are spoken of; the others are counted nowhere."""

    def enough(self, site: str | None = None) -> bool:
        """Whether a site, or any, is large enough to say something about."""
        return bool(self.sites) if site is None else site in self.sites

    def versions(self, connection: Connection) -> dict[tuple[str, str], str]:
        """By site and version the name under which it may be told there."""
        keys = (desk.c.site, desk.c.versions)
        place = (*keys, desk.c.device, desk.c.line)
        query = select(*place).where(self._lately).distinct()
        groups: defaultdict[str, dict[str, set[tuple[str, str]]]] = defaultdict(dict)
        for site, version, device, line in connection.execute(query):
            groups[site].setdefault(version, set()).add((device, line))
        out = {}
        for site, found in groups.items():
            told = named(found)
            for version in found:
                out[site, version] = version if version in told else OTHERS
        return out
