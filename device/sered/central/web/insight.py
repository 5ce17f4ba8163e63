"""Pages of figures: one question each, a chart and the same figures as a table, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from sered.central.errors import InputError, NotFoundError
from sered.central.insight.boxes import boxes
from sered.central.insight.helped import helped
from sered.central.insight.holdout import holdout
from sered.central.insight.missed import missed, settle
from sered.central.insight.right import right
from sered.central.insight.today import today
from sered.central.insight.unhappy import unhappy
from sered.central.store.tables import call, courtesy, desk
from sered.central.web.board import midnight

if TYPE_CHECKING:
    from sered.central.insight.answers import Answer
    from sered.central.web.views import Visit

PAGES = ("today", "right", "missed", "helped", "holdout", "unhappy", "boxes")
_REACHED = {"yes": True, "no": False, "": None}


def page(visit: Visit) -> Response:
    """One question."""
    found = answer(visit)
    groups = _groups(visit) if found.key == "unhappy" else []
    query = visit.request.url.query
    return visit.page(
        "insight.html",
        answer=found,
        pages=PAGES,
        groups=groups,
        query=f"?{query}" if query else "",
        waiting=_waiting(visit) if found.key == "missed" else [],
    )


def export(visit: Visit) -> Response:
    """The same figures as CSV."""
    found = answer(visit)
    name = f'attachment; filename="sered-{found.key}.csv"'
    return Response(found.as_csv(), media_type="text/csv", headers={"content-disposition": name})


def answer(visit: Visit) -> Answer:
    """What the address asks; raises NotFoundError for a question that there is not."""
    central, asked = visit.central, visit.request.path_params["key"]
    options = visit.request.query_params
    if unknown := set(options) - {"site", "queue"}:
        msg = f"Figures are by site and queue; there are none by {sorted(unknown)[0]}."
        raise InputError(msg)
    if asked == "unhappy":
        return unhappy(central, options.get("site") or None, options.get("queue") or None)
    if asked == "today":
        return today(central, midnight(central))
    known = {"right": right, "missed": missed, "helped": helped, "holdout": holdout, "boxes": boxes}
    if asked not in known:
        msg = f"There is no such page; known: {', '.join(PAGES)}."
        raise NotFoundError(msg)
    return known[asked](central)


def courtesy_done(visit: Visit) -> Response:
    """A courtesy call was made."""
    said = visit.form.get("unhappy", "")
    if said not in _REACHED:
        msg = "Say yes, no, or that nobody was reached."
        raise InputError(msg)
    settle(visit.central, visit.actor, visit.form.get("call", ""), _REACHED[said])
    return RedirectResponse("/figures/missed", 303)


def _groups(visit: Visit) -> list[str]:
    with visit.central.store.reading() as connection:
        return list(connection.scalars(select(desk.c.site).distinct().order_by(desk.c.site)))


def _waiting(visit: Visit) -> list[tuple[str, str, str]]:
    """Courtesy calls of the actor's teams: call, site, and when it ended."""
    if not visit.actor.works:
        return []
    query = (
        select(courtesy.c.call_id, courtesy.c.site, call.c.ended_at)
        .join(call, call.c.call_id == courtesy.c.call_id)
        .where(courtesy.c.done_at.is_(None), courtesy.c.team.in_(sorted(visit.actor.teams)))
        .order_by(call.c.ended_at)
        .limit(50)
    )
    with visit.central.store.reading() as connection:
        return [
            (row.call_id, row.site, f"{row.ended_at:%d %b %H:%M}")
            for row in connection.execute(query)
        ]
