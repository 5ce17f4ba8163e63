"""Finds the exchange's record of each call as either arrives, and joins cases of one caller."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from sered.central import audit
from sered.central.callers import match
from sered.central.callers.match import FARTHEST_S, LEARN_FROM, Offset, Span
from sered.central.cases.machine import OPEN
from sered.central.errors import StoreError
from sered.central.store import upsert
from sered.central.store.tables import (
    call,
    cases,
    clock_offset,
    line_map,
    number_match,
    pbx_call,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from sered.central.context import Central

_EVERY_S = 2.0
_LOOK_BACK = timedelta(hours=6)
_EARLIEST = timedelta(days=2)
"""How far back a central that starts looks for what came while it was away."""
_LEARN_DAYS = timedelta(days=14)
_AT_ONCE = 500
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """How far the matcher has looked: when what it saw last was received."""

    calls: datetime
    records: datetime


def run(central: Central, stop: threading.Event) -> None:
    """Match until `stop`; a store that is away is waited for."""
    seen = Seen(central.now() - _EARLIEST, central.now() - _EARLIEST)
    while not stop.is_set():
        try:
            match_new(central, seen)
        except StoreError as error:
            _log.warning("matcher.waits reason=%s", error.reason)
        stop.wait(_EVERY_S)


def match_new(central: Central, seen: Seen) -> int:
    """Match what came since `seen`, which moves on; how many calls got a number."""
    with central.store.reading() as connection:
        if connection.execute(select(line_map.c.id).limit(1)).first() is None:
            return 0
        latest = Seen(
            connection.scalar(select(func.max(call.c.received_at))) or seen.calls,
            connection.scalar(select(func.max(pbx_call.c.received_at))) or seen.records,
        )
        lines = _touched(connection, seen)
    matched = sum(_match_line(central, *line) for line in lines)
    # what shares its moment with the last one seen may still be on its way
    seen.calls = latest.calls - timedelta(seconds=5)
    seen.records = latest.records - timedelta(seconds=5)
    if matched:
        central.cases_bell.ring()
    return matched


def _touched(connection: Connection, seen: Seen) -> list[tuple[str, str, str]]:
    """Lines of which calls or records are new."""
    where = (line_map.c.site, line_map.c.device, line_map.c.line)
    same = (call.c.site == where[0]) & (call.c.device == where[1]) & (call.c.line == where[2])
    by_call = select(*where).join(call, same).where(call.c.received_at > seen.calls)
    by_record = (
        select(*where)
        .join(pbx_call, pbx_call.c.extension == line_map.c.extension)
        .where(pbx_call.c.received_at > seen.records, pbx_call.c.ended.is_not(None))
    )
    found = connection.execute(by_call.union(by_record)).all()
    return [(row[0], row[1], row[2]) for row in found]


def _match_line(central: Central, site: str, device: str, line: str) -> int:
    now = central.now()
    with central.store.reading() as connection:
        waiting = _unmatched(connection, site, device, line, now)
        if not waiting:
            return 0
        offsets = {
            synced: _offset(connection, central, (site, device), synced=synced)
            for synced in {bool(row.clock_synced) for row in waiting}
        }
        found = []
        for row in waiting:
            records = records_near(connection, row)
            spans = [_span(r.answered, r.ended) for r in records]
            offset = offsets[bool(row.clock_synced)]
            one = match.sure(_span(row.started_at, row.ended_at), spans, offset)
            if one is not None:
                found.append((row, (records[one.index], one.iou, offset)))
    if not found:
        return 0
    with central.store.writing() as connection:
        _keep_offset(connection, site, device, found[-1][1][2], now)
        return sum(_keep(connection, central, row, fit, now) for row, fit in found)


def _unmatched(
    connection: Connection, site: str, device: str, line: str, now: datetime
) -> Sequence[Row[Any]]:
    there = select(number_match.c.call_id).where(number_match.c.call_id == call.c.call_id)
    recent = call.c.received_at > now - _LOOK_BACK
    mine = (call.c.site == site) & (call.c.device == device) & (call.c.line == line)
    query = select(call).where(mine, recent, ~there.exists()).limit(_AT_ONCE)
    return connection.execute(query.order_by(call.c.ended_at.desc())).all()


def records_near(connection: Connection, row: Row[Any]) -> Sequence[Row[Any]]:
    """Ended records of the call's extension around its time, whatever its clock is off by."""
    far = timedelta(seconds=FARTHEST_S)
    mapped = select(line_map.c.extension).where(
        line_map.c.site == row.site,
        line_map.c.device == row.device,
        line_map.c.line == row.line,
        # by central's clock: the box's own may be a year off
        line_map.c.valid_from <= row.received_at,
        (line_map.c.valid_to.is_(None)) | (line_map.c.valid_to > row.received_at),
    )
    query = select(pbx_call).where(
        pbx_call.c.extension.in_(mapped.scalar_subquery()),
        pbx_call.c.answered < row.ended_at + far,
        # a record's end has no index of its own: calls are shorter than a day
        pbx_call.c.answered > row.started_at - far - timedelta(hours=12),
        pbx_call.c.ended > row.started_at - far,
    )
    return connection.execute(query.order_by(pbx_call.c.answered)).all()


def _offset(
    connection: Connection, central: Central, box: tuple[str, str], *, synced: bool
) -> Offset:
    """The box's offset, learnt from its last calls of the same state of clock."""
    site, device = box
    mine = (call.c.site == site) & (call.c.device == device) & (call.c.clock_synced == synced)
    recent = call.c.received_at > central.now() - _LEARN_DAYS
    query = select(call).where(mine, recent).order_by(call.c.ended_at.desc()).limit(LEARN_FROM * 2)
    spans, records = [], []
    for row in connection.execute(query):
        near = records_near(connection, row)
        if near:
            spans.append(_span(row.started_at, row.ended_at))
            records.append([_span(r.answered, r.ended) for r in near])
        if len(spans) == LEARN_FROM:
            break
    return match.estimate(spans, records)


def _keep_offset(
    connection: Connection, site: str, device: str, offset: Offset, now: datetime
) -> None:
    row = {
        "site": site,
        "device": device,
        "offset_s": offset.seconds,
        "calls": offset.calls,
        "agreeing": offset.agreeing,
        "at": now,
    }
    upsert.put(connection, clock_offset, row, ["site", "device"])


def _keep(
    connection: Connection,
    central: Central,
    row: Row[Any],
    fit: tuple[Row[Any], float, Offset],
    now: datetime,
) -> int:
    record, overlap, offset = fit
    found = {
        "call_id": row.call_id,
        "pbx_id": record.pbx_id,
        "iou": overlap,
        "offset_s": offset.seconds,
        "how": "auto",
        "at": now,
    }
    if not upsert.insert_new(connection, number_match, [found], "call_id"):
        return 0
    joined(connection, central, row.call_id, record.number_hmac, now)
    return 1


def joined(
    connection: Connection, central: Central, call_id: str, mark: str | None, now: datetime
) -> None:
    """Note whose case it is; a caller with an open case of the last days joins that one."""
    case = connection.execute(select(cases).where(cases.c.call_id == call_id)).first()
    if case is None or mark is None:
        return
    since = now - timedelta(days=central.settings.cases.join_days)
    older = (
        select(cases.c.id)
        .where(
            cases.c.caller_hmac == mark,
            cases.c.id < case.id,
            cases.c.team == case.team,
            cases.c.joined_to.is_(None),
            cases.c.state.in_(OPEN),
            cases.c.opened_at >= since,
        )
        .order_by(cases.c.id)
        .limit(1)
    )
    head = connection.scalar(older)
    values: dict[str, Any] = {"caller_hmac": mark, "version": case.version + 1}
    if head is not None and case.state == "new":
        values |= {"joined_to": head, "next_step_at": None}
        audit.write(connection, now, "clock", "case.joined", f"case:{case.id}")
    connection.execute(update(cases).where(cases.c.id == case.id).values(**values))


def _span(begin: datetime, end: datetime) -> Span:
    return Span(begin.timestamp(), end.timestamp())
