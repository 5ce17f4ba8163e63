"""Counts calls by the hour: what every chart is made of, so that ten million calls answer at once.

The counts follow the rows: hours that calls arrived for since the last look are counted anew from
the rows themselves, so a call that comes late, twice or after a crash is counted once. `rebuild`
makes all of them anew, `differences` holds them against the rows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    type_coerce,
)

from sered.central.store import upsert
from sered.central.store.tables import call, call_cause, desk, hourly, hourly_cause, rolled_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Select

    from sered.central.context import Central

_OVERLAP = timedelta(seconds=120)
"""A transaction may COMMIT after a later one did: what was received shortly before counts again."""
_AT_ONCE = 500
_SUMS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "asr_sum", "snr_n",
    "snr_sum", "score_n", "score_sum", "lost_s", "duration_s",
)  # fmt: skip


def follow(central: Central) -> int:
    """Count anew the hours that calls arrived for since the last time; how many hours."""
    now = central.now()
    hour = _hour(central)
    with central.store.reading() as connection:
        since = connection.scalar(select(rolled_up.c.received_at).where(rolled_up.c.id == 1))
        fresh = select(hour.label("hour")).distinct()
        if since is not None:
            fresh = fresh.where(call.c.received_at > since - _OVERLAP)
        hours = [_moment(found) for found in connection.scalars(fresh)]
    for begin in range(0, len(hours), _AT_ONCE):
        with central.store.writing() as connection:
            _count(connection, central, hours[begin : begin + _AT_ONCE])
    with central.store.writing() as connection:
        upsert.put(connection, rolled_up, {"id": 1, "received_at": now}, ["id"])
    return len(hours)


def rebuild(central: Central) -> int:
    """Forget all counts and make them anew from the rows; how many hours."""
    with central.store.writing() as connection:
        for table in (hourly, hourly_cause, desk, rolled_up):
            connection.execute(delete(table))
    return follow(central)


def differences(central: Central) -> list[str]:
    """A sentence for every hour whose counts are not those of the rows; none: they agree."""
    rows = _grouped(central).subquery()
    query = select(rows.c.hour, *(func.sum(rows.c[n]).label(n) for n in ("calls", "negative")))
    kept = select(hourly.c.hour, *(func.sum(hourly.c[n]).label(n) for n in ("calls", "negative")))
    with central.store.reading() as connection:
        truth = {_moment(r.hour): (int(r.calls), int(r.negative)) for r in
                 connection.execute(query.group_by(rows.c.hour))}  # fmt: skip
        said = {r.hour: (int(r.calls), int(r.negative)) for r in
                connection.execute(kept.group_by(hourly.c.hour))}  # fmt: skip
    return [
        f"{at:%Y-%m-%d %H:00}: {said.get(at, (0, 0))} counted, {truth.get(at, (0, 0))} in the rows"
        for at in sorted(truth.keys() | said.keys())
        if truth.get(at) != said.get(at)
    ]


def _hour(central: Central) -> ColumnElement[Any]:
    """The hour (UTC) in which a call ended."""
    if central.store.dialect == "postgresql":
        return func.date_trunc("hour", call.c.ended_at, literal_column("'UTC'"))
    return type_coerce(func.strftime("%Y-%m-%d %H:00:00.000000", call.c.ended_at), DateTime())


def _moment(found: datetime | str) -> datetime:
    at = datetime.fromisoformat(found) if isinstance(found, str) else found
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _grouped(central: Central) -> Select[Any]:
    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    def summed(column: ColumnElement[float]) -> ColumnElement[float]:
        return func.coalesce(func.sum(column), 0.0)

    hour = _hour(central)
    judged = call.c.category.is_not(None)
    return select(
        hour.label("hour"),
        call.c.site,
        call.c.queue,
        call.c.versions,
        func.count().label("calls"),
        counted(call.c.category == "negative").label("negative"),
        counted(call.c.category == "positive").label("positive"),
        counted(~judged & call.c.undetermined.is_not(None)).label("undetermined"),
        counted(call.c.escalate).label("escalate"),
        counted(call.c.asr_confidence.is_not(None)).label("heard"),
        summed(call.c.asr_confidence).label("asr_sum"),
        counted(call.c.snr_db.is_not(None)).label("snr_n"),
        summed(call.c.snr_db).label("snr_sum"),
        counted(call.c.score.is_not(None)).label("score_n"),
        summed(call.c.score).label("score_sum"),
        summed(call.c.lost_s).label("lost_s"),
        summed(call.c.duration_s).label("duration_s"),
    ).group_by(hour, call.c.site, call.c.queue, call.c.versions)


def _count(connection: Connection, central: Central, hours: list[datetime]) -> None:
    if not hours:
        return
    first, last = min(hours), max(hours) + timedelta(hours=1)
    wanted = set(hours)
    within = (call.c.ended_at >= first) & (call.c.ended_at < last)
    for table in (hourly, hourly_cause):
        connection.execute(delete(table).where(table.c.hour.in_(hours)))
    rows = _of_hours(connection.execute(_grouped(central).where(within)), wanted)
    _insert(connection, hourly, rows)
    hour = _hour(central)
    causes = (
        select(
            hour.label("hour"), call.c.site, call.c.queue, call_cause.c.cause,
            func.count().label("calls"),
        )
        .select_from(call_cause.join(call, call.c.call_id == call_cause.c.call_id))
        .where(within, call.c.category == "negative")
        .group_by(hour, call.c.site, call.c.queue, call_cause.c.cause)
    )  # fmt: skip
    _insert(connection, hourly_cause, _of_hours(connection.execute(causes), wanted))
    seen = (
        select(
            call.c.site, call.c.queue, call.c.device, call.c.line,
            func.max(call.c.ended_at).label("last_call"),
        )
        .where(within)
        .group_by(call.c.site, call.c.queue, call.c.device, call.c.line)
    )  # fmt: skip
    for row in connection.execute(seen).all():
        _note_desk(connection, dict(row._mapping))


def _of_hours(found: Iterable[Any], wanted: set[datetime]) -> Iterator[dict[str, Any]]:
    for row in found:
        values = dict(row._mapping)
        values["hour"] = _moment(values["hour"])
        if values["hour"] in wanted:
            yield values


def _insert(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    ready = list(rows)
    for begin in range(0, len(ready), _AT_ONCE):
        connection.execute(insert(table), ready[begin : begin + _AT_ONCE])


def _note_desk(connection: Connection, row: dict[str, Any]) -> None:
    key = ("site", "queue", "device", "line")
    same = [desk.c[name] == row[name] for name in key]
    known = connection.scalar(select(desk.c.last_call).where(*same))
    if known is None or known < row["last_call"]:
        upsert.put(connection, desk, row, key)
