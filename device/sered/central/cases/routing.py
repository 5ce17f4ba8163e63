"""Which team a case belongs to, and when it is due. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sered.central.cases import shifts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sered.central.sections import TeamSettings
    from sered.central.settings import CentralSettings


def team_for(
    settings: CentralSettings, causes: Sequence[str], site: str, queue: str
) -> TeamSettings:
    """The team whose causes, site and queue fit best; the fallback where none does.

    Causes count in the order in which the box gives them, the likeliest first; among teams for
    the same cause the one that names more (site, queue) is meant.
    """
    for cause in (*causes, None):
        fitting = [team for team in settings.team if _fits(team, cause, site, queue)]
        if fitting:
            return max(fitting, key=lambda team: bool(team.sites) + bool(team.queues))
    return settings.team_of(settings.cases.fallback)


def _fits(team: TeamSettings, cause: str | None, site: str, queue: str) -> bool:
    by_cause = cause in team.causes if cause is not None else not team.causes
    particular = bool(team.causes or team.sites or team.queues)
    return (
        particular
        and by_cause
        and (not team.sites or site in team.sites)
        and (not team.queues or queue in team.queues)
    )


def open_after(
    settings: CentralSettings, team: TeamSettings, site: str, start: datetime, open_s: float
) -> datetime:
    """The moment at which `open_s` seconds of the team's open hours have passed since `start`."""
    parsed = [shifts.parse_shift(text) for text in team.shift]
    return shifts.after(start, open_s, parsed, team.tz or settings.zone_of(site), team.holidays)


def due_at(
    settings: CentralSettings, team: TeamSettings, site: str, call_ended: datetime
) -> datetime:
    """By when somebody should have called back."""
    return open_after(settings, team, site, call_ended, team.due_s)


def step_due(
    settings: CentralSettings, team: TeamSettings, site: str, start: datetime, step: int
) -> datetime | None:
    """When the step of escalation with this index is due; None: there is none."""
    if step >= len(team.step):
        return None
    return open_after(settings, team, site, start, team.step[step].after_s)


def is_open(settings: CentralSettings, team: TeamSettings, site: str, at: datetime) -> bool:
    """Whether somebody of the team is there."""
    parsed = [shifts.parse_shift(text) for text in team.shift]
    return shifts.is_open(at, parsed, team.tz or settings.zone_of(site), team.holidays)


def call_age(call_ended: datetime, received: datetime) -> timedelta:
    """How old a call was when it arrived; never negative."""
    return max(received - call_ended, timedelta(0))
