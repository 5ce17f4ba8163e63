"""A site's days: which hour belongs to which, in the site's time zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import date

    from sered.central.settings import CentralSettings


class Days:
    """Days of all sites. An hour belongs to the day that it began in, wherever midnight falls."""

    def __init__(self, settings: CentralSettings) -> None:
        self._zones = {site.id: ZoneInfo(site.tz) for site in settings.site}

    def of(self, site: str, at: datetime) -> date:
        """The day at a site at a moment."""
        return at.astimezone(self._zone(site)).date()

    def begin(self, site: str, day: date) -> datetime:
        """The moment at which it begins there, in UTC."""
        return datetime.combine(day, time(), self._zone(site)).astimezone(UTC)

    def last(self, now: datetime) -> date:
        """The last day that is over somewhere."""
        zones = self._zones.values() or [UTC]
        latest = max(now.astimezone(zone).date() for zone in (*zones, UTC))
        return latest - timedelta(days=1)

    def _zone(self, site: str) -> ZoneInfo:
        return self._zones.get(site) or ZoneInfo("UTC")
