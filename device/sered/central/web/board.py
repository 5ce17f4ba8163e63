"""The board itself: the queue, one case beside it, and the piece of it that keeps itself fresh."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from sered.central.cases import around, views
from sered.central.cases.machine import HELD, OPEN
from sered.central.store.tables import call_cause, users
from sered.central.web import pages, say

if TYPE_CHECKING:
    from starlette.responses import Response

    from sered.central.callers.showing import Shown
    from sered.central.cases.views import CaseView
    from sered.central.context import Central
    from sered.central.people import Actor
    from sered.central.web.views import Visit


def board(visit: Visit) -> Response:
    """The queue; no case is open beside it."""
    return visit.page("board.html", case=None, **_around(visit.central, visit.actor))


def case(visit: Visit) -> Response:
    """The queue, and one case beside it."""
    return shown(visit)


def shown(
    visit: Visit, *, sentence: str = "", number: Shown | None = None, status: int = 200
) -> Response:
    """A case's page with what was just said or asked for."""
    found = views.case(visit.central, visit.actor, visit.case_id)
    return visit.page(
        "board.html",
        status,
        sentence=sentence,
        number=number,
        **_around(visit.central, visit.actor),
        **_case(visit.central, visit.actor, found),
    )


def piece(visit: Visit) -> Response:
    """The queue alone, for a page that is open: `/queue?case=12` marks the case beside it."""
    beside = visit.request.query_params.get("case", "")
    case_id = int(beside) if beside.isdigit() else 0
    return visit.page("queue.html", beside=case_id, **_around(visit.central, visit.actor))


def announced(central: Central, actor: Actor) -> str:
    """The queue as a piece without a request, for what measures it."""
    known = _around(central, actor)
    return pages.render("queue.html", actor=actor, now=central.now(), beside=0, **known)


def midnight(central: Central) -> datetime:
    """When the board's day began: in the zone of the first site."""
    zone = ZoneInfo(central.settings.site[0].tz if central.settings.site else "UTC")
    here = central.now().astimezone(zone)
    return datetime.combine(here.date(), time.min, zone)


def _around(central: Central, actor: Actor) -> dict[str, Any]:
    return {
        "queue": views.queue(central, actor),
        "banners": around.banners(central, actor),
        "day": around.day(central, actor, midnight(central)),
        "fleet": around.fleet(central),
        "zones": {site.id: site.tz for site in central.settings.site},
    }


def _case(central: Central, actor: Actor, found: CaseView) -> dict[str, Any]:
    report = found.report
    sentiment = (report or {}).get("sentiment") or {}
    held = found.row.state in HELD
    return {
        "case": found,
        "beside": found.row.id,
        "report": report,
        "category": sentiment.get("category", "negative" if report is None else None),
        "phrases": say.strongest(report)[:6],
        "zone": central.settings.zone_of(found.row.site),
        "lease_s": central.settings.cases.lease_s,
        "can": {
            "claim": actor.works and found.row.state in OPEN and not held,
            "work": actor.works and held and found.row.mine,
            "undo": actor.works and found.undo_s > 0,
        },
        "colleagues": _colleagues(central, actor, found) if actor.works and held else [],
        "names": _names(central),
        "causes": _causes(central, found),
        "behind": views.joined_cases(central, actor, found.row.id),
    }


def _colleagues(central: Central, actor: Actor, found: CaseView) -> list[tuple[str, str]]:
    """Who else could have this case: login and name."""
    query = select(users).where(users.c.disabled.is_(False)).order_by(users.c.name)
    with central.store.reading() as connection:
        rows = connection.execute(query).all()
    return [
        (row.login, row.name)
        for row in rows
        if row.id != actor.id and found.row.team in row.teams and {"agent", "lead"} & set(row.roles)
    ]


def _causes(central: Central, found: CaseView) -> list[str]:
    """Causes to choose from: this call's first, then those of teams and of calls so far."""
    with central.store.reading() as connection:
        seen = set(connection.scalars(select(call_cause.c.cause).distinct().limit(60)))
    seen |= {cause for team in central.settings.team for cause in team.causes}
    own = list(found.row.causes)
    return [*own, *sorted(seen - set(own))]


def _names(central: Central) -> dict[int, str]:
    with central.store.reading() as connection:
        return {row.id: row.name for row in connection.execute(select(users.c.id, users.c.name))}
