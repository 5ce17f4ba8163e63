"""What stands around the queue: calls that run, the day so far, the fleet, what was set aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true

from sered.central.cases import rows
from sered.central.store.tables import (
    alert,
    call,
    cases,
    channel_state,
    device,
    feedback,
    quarantine,
    set_aside,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from sered.central.context import Central
    from sered.central.people import Actor

SILENT_AFTER = timedelta(minutes=25)
"""A box repeats its status every ten minutes: two missed and some."""
_LIVE = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Banner:
    """A call that is running and unhappy so far."""

    call_id: str
    site: str
    line: str
    score: float
    confidence: float
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """The day so far, within the actor's scope."""

    closed: int
    on_time: int
    right: int
    judged: int
    calls: int
    """Calls of all sites."""
    last_call: datetime | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """The boxes in one line, and what is wrong with central's own ways."""

    listening: int
    degraded: int
    silent: int
    """Offline, or not heard of for too long."""
    set_aside: int
    """Messages that were put into quarantine, ever."""
    down: tuple[tuple[str, datetime, str], ...]
    """Channels that are down: name, since when, why."""


def banners(central: Central, actor: Actor) -> tuple[Banner, ...]:
    """Provisional alerts of calls that are still running, newest first."""
    if not (actor.sees_all or actor.works):
        return ()
    over = select(alert.c.call_id).where(alert.c.state != "provisional")
    query = (
        select(alert)
        .where(
            alert.c.state == "provisional",
            alert.c.received_at > central.now() - _LIVE,
            alert.c.call_id.not_in(over.scalar_subquery()),
            alert.c.call_id.not_in(select(call.c.call_id).scalar_subquery()),
            _their_sites(central, actor),
        )
        .order_by(alert.c.received_at.desc())
        .limit(20)
    )
    with central.store.reading() as connection:
        found = connection.execute(query).all()
    return tuple(
        Banner(r.call_id, r.site, r.line, r.score, r.confidence, r.started_at, r.at) for r in found
    )


def day(central: Central, actor: Actor, since: datetime) -> Day:
    """What was done since `since` (the board's midnight)."""
    done = rows.in_scope(actor) & (cases.c.closed_at >= since) & (cases.c.state == "closed")
    when = func.coalesce(cases.c.called_at, cases.c.closed_at)
    query = select(func.count(), func.count().filter(when <= cases.c.due_at)).where(done)
    judged = (
        select(func.count(), func.count().filter(feedback.c.verdict == "right"))
        .select_from(feedback.join(cases, cases.c.call_id == feedback.c.call_id))
        .where(done, feedback.c.verdict.in_(("right", "wrong")))
    )
    heard = select(func.count(), func.max(call.c.ended_at)).where(call.c.received_at >= since)
    with central.store.reading() as connection:
        closed, on_time = connection.execute(query).one()
        said, right = connection.execute(judged).one()
        calls, last = connection.execute(heard).one()
    return Day(closed, on_time, right, said, calls, last)


def fleet(central: Central) -> Fleet:
    """How the boxes and the channels are."""
    now = central.now()
    query = select(device.c.state, device.c.last_seen)
    with central.store.reading() as connection:
        boxes = connection.execute(query).all()
        aside = connection.scalar(select(func.sum(set_aside.c.n))) or 0
        down = connection.execute(
            select(channel_state).where(channel_state.c.down_since.is_not(None))
        ).all()
    silent = sum(b.state == "offline" or now - b.last_seen > SILENT_AFTER for b in boxes)
    degraded = sum(b.state == "degraded" and now - b.last_seen <= SILENT_AFTER for b in boxes)
    return Fleet(
        listening=len(boxes) - silent - degraded,
        degraded=degraded,
        silent=silent,
        set_aside=int(aside),
        down=tuple((d.channel, d.down_since, d.error) for d in down),
    )


def quarantined(central: Central) -> list[tuple[str, int, datetime]]:
    """What was set aside: reason, how often, and when last."""
    query = select(set_aside).order_by(set_aside.c.n.desc())
    with central.store.reading() as connection:
        return [(row.reason, int(row.n), row.last) for row in connection.execute(query)]


def kept_messages(central: Central, limit: int = 50) -> list[tuple[datetime, str, str, int]]:
    """The newest messages that were set aside: when, why, topic, bytes."""
    query = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    with central.store.reading() as connection:
        return [(r.at, r.reason, r.topic, r.size) for r in connection.execute(query)]


def _their_sites(central: Central, actor: Actor) -> ColumnElement[bool]:
    """Sites of the actor's teams: a call that runs has no team yet."""
    mine = [team for team in central.settings.team if team.name in actor.teams]
    if actor.sees_all or any(not team.sites for team in mine):
        return true()
    return alert.c.site.in_(sorted({site for team in mine for site in team.sites}))
