"""For those who look after central: channels and their test, what was set aside, the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sered.central import audit
from sered.central.cases import around
from sered.central.errors import DeliveryError, NotFoundError
from sered.central.notify import sender
from sered.central.store.tables import audit as audit_table
from sered.central.store.tables import channel_state

if TYPE_CHECKING:
    from starlette.responses import Response

    from sered.central.web.views import Visit

_ROWS = 200


def channels(visit: Visit, sentence: str = "") -> Response:
    """Every channel, whether it works, and a button that tries it."""
    with visit.central.store.reading() as connection:
        states = {row.channel: row for row in connection.execute(select(channel_state))}
    return visit.page(
        "channels.html",
        channels=[(each, states.get(each.name)) for each in visit.central.settings.channel],
        aside=around.quarantined(visit.central),
        kept=around.kept_messages(visit.central),
        sentence=sentence,
    )


def try_channel(visit: Visit) -> Response:
    """Send a test message now."""
    name = visit.request.path_params["name"]
    try:
        sender.send_test(visit.central, name)
    except (DeliveryError, NotFoundError) as error:
        return channels(visit, str(error))
    return channels(visit, f"A test message went out by {name}. Has it arrived?")


def trail(visit: Visit) -> Response:
    """The newest rows of the audit trail, and whether the chain holds."""
    query = select(audit_table).order_by(audit_table.c.seq.desc()).limit(_ROWS)
    with visit.central.store.reading() as connection:
        rows = connection.execute(query).all()
        faults = list(audit.faults(connection))
    return visit.page("trail.html", rows=rows, faults=faults)
