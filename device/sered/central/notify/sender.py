"""Takes notifications out of the outbox and hands them over: one thread a channel, at least once.

A row is leased before it is sent and marked after: killed in between, it is sent again. A channel
that is down is named in the store (`channel_state`), tried at growing intervals, and no other
channel waits for it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from sered.central.cases.machine import OPEN
from sered.central.errors import DeliveryError, NotFoundError, StoreError
from sered.central.insight import weekly
from sered.central.notify import channels, message, tokens
from sered.central.store import upsert
from sered.central.store.tables import cases, channel_state, outbox

if TYPE_CHECKING:
    import threading
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.context import Central
    from sered.central.notify.message import Message
    from sered.central.sections import ChannelSettings

_LEASE = timedelta(seconds=60)
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0
_IDLE_S = 5.0
_AT_ONCE = 20
_log = logging.getLogger(__name__)


def run(central: Central, channel: ChannelSettings, stop: threading.Event) -> None:
    """Send what is due on one channel until `stop`; a store that is away is waited for."""
    while not stop.is_set():
        heard = central.outbox_bell.count
        try:
            sent = send_due(central, channel)
        except StoreError as error:
            _log.warning("outbox.waits channel=%s reason=%s", channel.name, error.reason)
            stop.wait(1.0)
            continue
        if sent < _AT_ONCE:
            central.outbox_bell.wait(heard, _IDLE_S)


def send_due(central: Central, channel: ChannelSettings) -> int:
    """Try everything that is due on a channel; how many rows that were. Raises StoreError."""
    leased = _lease(central, channel.name)
    for row, found in leased:
        text = found
        if row.event == weekly.EVENT:
            address = central.settings.delivery.address.rstrip("/")
            text = message.of_report(row.dedupe, weekly.weekly(central), f"{address}/figures/right")
        if text is None:
            _mark(central, row.id, given_up_at=central.now(), error="needless by now")
            continue
        try:
            channels.send(channel, text, central.settings.delivery.allow, central.now())
        except DeliveryError as error:
            _failed(central, row, str(error))
        else:
            _mark(central, row.id, sent_at=central.now(), error="")
            _up(central, channel.name)
    return len(leased)


def send_test(central: Central, name: str) -> None:
    """What the test button does: raises DeliveryError with why it does not work."""
    channel = next((c for c in central.settings.channel if c.name == name), None)
    if channel is None:
        msg = f"There is no channel {name}."
        raise NotFoundError(msg)
    now = central.now()
    text = message.of_test(name, now, central.settings.delivery.address)
    try:
        channels.send(channel, text, central.settings.delivery.allow, now)
    except DeliveryError as error:
        _down(central, name, str(error))
        raise
    _up(central, name)


def _lease(central: Central, channel: str) -> list[tuple[Row[Any], Message | None]]:
    now = central.now()
    waiting = outbox.c.sent_at.is_(None) & outbox.c.given_up_at.is_(None) & (outbox.c.due <= now)
    query = select(outbox).where(waiting, outbox.c.channel == channel).order_by(outbox.c.due)
    query = query.limit(_AT_ONCE)
    if central.store.dialect == "postgresql":
        query = query.with_for_update(skip_locked=True)
    with central.store.reading() as connection:
        if connection.execute(query.with_only_columns(outbox.c.id).limit(1)).first() is None:
            return []
    with central.store.writing() as connection:
        rows = connection.execute(query).all()
        ids = [row.id for row in rows]
        lease = update(outbox).where(outbox.c.id.in_(ids)).values(due=now + _LEASE)
        connection.execute(lease)
        return [(row, _text(connection, central, row, now)) for row in rows]


def _text(connection: Connection, central: Central, row: Row[Any], now: datetime) -> Message | None:
    """What it says; None: nobody needs it any more."""
    case = connection.execute(select(cases).where(cases.c.id == row.case_id)).first()
    if case is None:
        return None
    if row.event == "step" and (case.state not in OPEN or case.called_at is not None):
        return None
    head = case.storm_of or case.id
    behind = (cases.c.storm_of == head) & (cases.c.id != case.id) & cases.c.state.in_(OPEN)
    more = connection.scalar(select(func.count()).select_from(cases).where(behind)) or 0
    return message.of_case(
        row.dedupe,
        case.id,
        row.step,
        place=(case.site, case.queue, case.team),
        ended_at=case.call_ended_at,
        due_at=case.due_at,
        zone=central.settings.zone_of(case.site),
        now=now,
        link=_link(connection, central, row, now),
        more=more,
        event=row.event,
    )


def _link(connection: Connection, central: Central, row: Row[Any], now: datetime) -> str:
    address = central.settings.delivery.address.rstrip("/")
    channel = next((c for c in central.settings.channel if c.name == row.channel), None)
    if channel is not None and channel.user:
        token = tokens.issue(connection, row.case_id, channel.user, now)
        if token:
            return f"{address}/t/{token}"
    return f"{address}/case/{row.case_id}"


def _failed(central: Central, row: Row[Any], why: str) -> None:
    now = central.now()
    _down(central, row.channel, why)
    if now - row.created > timedelta(hours=central.settings.delivery.give_up_h):
        _mark(central, row.id, given_up_at=now, error=why)
        return
    wait_s = min(_FIRST_WAIT_S * 2.0 ** min(row.tries, 20), _LONGEST_WAIT_S)
    _mark(central, row.id, due=now + timedelta(seconds=wait_s), tries=row.tries + 1, error=why)


def _mark(central: Central, row_id: int, **values: object) -> None:
    with central.store.writing() as connection:
        connection.execute(update(outbox).where(outbox.c.id == row_id).values(**values))


def _down(central: Central, name: str, why: str) -> None:
    _log.warning("channel.down channel=%s", name)
    now = central.now()
    row = {"channel": name, "down_since": now, "error": why}
    with central.store.writing() as connection:
        known = select(channel_state.c.down_since).where(channel_state.c.channel == name)
        since = connection.scalar(known)
        row["down_since"] = since or now
        upsert.put(connection, channel_state, row, ["channel"])
    central.cases_bell.ring()


def _up(central: Central, name: str) -> None:
    row = {"channel": name, "down_since": None, "error": "", "last_sent": central.now()}
    with central.store.writing() as connection:
        upsert.put(connection, channel_state, row, ["channel"])
