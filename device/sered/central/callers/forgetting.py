"""Forgets numbers when their time is over: records of exchanges, matches, and marks of cases."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from sered.central import audit
from sered.central.cases.machine import OPEN
from sered.central.errors import StoreError
from sered.central.store.tables import call, cases, number_match, pbx_call

if TYPE_CHECKING:
    import threading

    from sered.central.context import Central

_EVERY_S = 3600.0
_log = logging.getLogger(__name__)


def run(central: Central, stop: threading.Event) -> None:
    """Forget what is due every hour until `stop`."""
    while not stop.is_set():
        try:
            forget(central)
        except StoreError as error:
            _log.warning("forgetting.waits reason=%s", error.reason)
        stop.wait(_EVERY_S)


def forget(central: Central) -> int:
    """Delete numbers older than `[pbx] keep_days`, but those of open cases; how many."""
    now = central.now()
    before = now - timedelta(days=central.settings.pbx.keep_days)
    needed = select(cases.c.call_id).where(cases.c.state.in_(OPEN))
    with central.store.writing() as connection:
        kept = select(number_match.c.pbx_id).where(
            number_match.c.call_id.in_(needed), number_match.c.pbx_id.is_not(None)
        )
        old = (pbx_call.c.received_at < before) & pbx_call.c.pbx_id.not_in(kept)
        gone = connection.execute(delete(pbx_call).where(old)).rowcount
        past = (number_match.c.at < before) & number_match.c.call_id.not_in(needed)
        gone += connection.execute(delete(number_match).where(past)).rowcount
        marks = cases.c.caller_hmac.is_not(None) & (cases.c.closed_at < before)
        connection.execute(update(cases).where(marks).values(caller_hmac=None))
        if gone:
            audit.write(connection, now, "clock", "numbers.forgotten", f"count:{gone}")
    return gone


def erase(central: Central, number: str, by: str) -> int:
    """Forget one customer's number everywhere, whatever the case; how many records it was in."""
    now, mark = central.now(), central.vault.mark(number)
    with central.store.writing() as connection:
        records = select(pbx_call.c.pbx_id).where(pbx_call.c.number_hmac == mark)
        theirs = select(cases.c.call_id).where(cases.c.caller_hmac == mark)
        matched = number_match.c.pbx_id.in_(records) | number_match.c.call_id.in_(theirs)
        gone = connection.execute(delete(number_match).where(matched)).rowcount
        gone += connection.execute(delete(pbx_call).where(pbx_call.c.number_hmac == mark)).rowcount
        hers = cases.c.caller_hmac == mark
        gone += connection.execute(update(cases).where(hers).values(caller_hmac=None)).rowcount
        audit.write(connection, now, by, "number.erased", f"count:{gone}")
    return gone


def calls_of(central: Central, number: str) -> list[str]:
    """Ids of the calls that are known to be this customer's: what an access request asks for."""
    mark = central.vault.mark(number)
    with central.store.reading() as connection:
        records = select(pbx_call.c.pbx_id).where(pbx_call.c.number_hmac == mark)
        query = select(call.c.call_id).join(number_match, number_match.c.call_id == call.c.call_id)
        found = connection.scalars(query.where(number_match.c.pbx_id.in_(records)))
        return sorted(found)
