"""Counts calls by the hour: what every chart is made of, so that ten million calls answer at once.

The counts follow the rows: hours that calls arrived for since the last look are counted anew from
the rows themselves, so a call that comes late, twice or after a crash is counted once. The store
does the counting; no call's row leaves it. `mark_all` has all of them made anew, `differences`
holds them against the rows.
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

from sered.central import retention
from sered.central.insight import due
from sered.central.insight.days import Days
from sered.central.store import upsert
from sered.central.store.tables import (
    call,
    call_cause,
    day_due,
    desk,
    hourly,
    hourly_cause,
    rolled_up,
)
from sered.central.store.tables.insight import WHOLE_SUMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Select

    from sered.central.context import Central

_OVERLAP = timedelta(seconds=120)
"""A transaction may COMMIT after a later one did: what was received shortly before counts again."""
_NEAR, _SPAN = timedelta(hours=4), timedelta(hours=24)
"""Hours that one transaction counts: near each other, at most a day, so that others who write wait
for the counting of a day's calls at most."""
_MONTH = timedelta(days=30)
_HOUR = timedelta(hours=1)
_DESK = ("site", "queue", "device", "line", "versions")


def follow(central: Central) -> int:
    """Count anew the hours that calls arrived for since the last time; how many hours."""
    now = central.now()
    # of hours whose calls were deleted the counts are all that there is
    whole = retention.whole_since(central.settings, now)
    with central.store.reading() as connection:
        since = connection.scalar(select(rolled_up.c.received_at).where(rolled_up.c.id == 1))
        fresh = select(hour_of(central)).distinct()
        if since is not None:
            fresh = fresh.where(call.c.received_at > since - _OVERLAP)
        found = {moment(at) for at in connection.scalars(fresh)}
    with central.store.writing() as connection:
        due.mark(connection, due.CALLS, (at for at in found if at >= whole))
        upsert.put(connection, rolled_up, {"id": 1, "received_at": now}, ["id"])
    days, counted = Days(central.settings), 0
    for run in _runs(due.waiting(central, due.CALLS)):
        with central.store.writing() as connection:
            hours = [at for at in due.take(connection, due.CALLS, run) if at >= whole]
            if hours:
                _count(connection, central, days, hours[0], hours[-1] + _HOUR)
        counted += len(hours)
    return counted


def _runs(hours: list[datetime]) -> Iterator[list[datetime]]:
    """Hours that lie near each other: one look at the calls for each run."""
    run: list[datetime] = []
    for at in hours:
        if run and (at - run[-1] > _NEAR or at - run[0] >= _SPAN):
            yield run
            run = []
        run.append(at)
    if run:
        yield run


def mark_all(central: Central) -> None:
    """Have all counts made anew from the rows by the next `follow`."""
    whole = retention.whole_since(central.settings, central.now())
    queries = [select(hour_of(central)), *(select(t.c.hour) for t in (hourly, hourly_cause))]
    with central.store.reading() as connection:
        hours = {moment(at) for each in queries for at in connection.scalars(each.distinct())}
    with central.store.writing() as connection:
        due.mark(connection, due.CALLS, (at for at in hours if at >= whole))
        for table in (desk, day_due):
            connection.execute(delete(table))


def differences(central: Central) -> list[str]:
    """A sentence for every hour whose counts are not those of the rows; none: they agree.

    Every whole number by site, queue and versions is held against the rows, a month at a time.
    """
    whole = retention.whole_since(central.settings, central.now())
    names = ("hour", "site", "queue", "versions", *WHOLE_SUMS)
    wrong: set[datetime] = set()
    with central.store.reading() as connection:
        ends = [connection.execute(select(func.min(at), func.max(at))).one()
                for at in (call.c.ended_at, hourly.c.hour)]  # fmt: skip
        begin = max(min((low for low, _ in ends if low), default=whole), whole - _HOUR)
        last = max((high for _, high in ends if high), default=whole)
        while begin <= last:
            begin = begin.replace(minute=0, second=0, microsecond=0)
            end = begin + _MONTH
            rows = _grouped(central).where(call.c.ended_at >= begin, call.c.ended_at < end)
            found = rows.subquery()
            truth = select(*(found.c[name] for name in names))
            kept = select(*(hourly.c[name] for name in names))
            kept = kept.where(hourly.c.hour >= begin, hourly.c.hour < end)
            for one, other in ((truth, kept), (kept, truth)):
                odd = one.except_(other).subquery()
                wrong |= {moment(at) for at in connection.scalars(select(odd.c.hour).distinct())}
            begin = end
        return [_said(connection, at) for at in sorted(wrong) if at >= whole]


def _said(connection: Connection, at: datetime) -> str:
    """An hour's calls and negative ones, as counted and as they are."""
    negative = func.coalesce(func.sum(case((call.c.category == "negative", 1), else_=0)), 0)
    within = (call.c.ended_at >= at) & (call.c.ended_at < at + _HOUR)
    sums = [func.coalesce(func.sum(hourly.c[name]), 0) for name in ("calls", "negative")]
    kept = select(*sums).where(hourly.c.hour == at)
    one, other = (
        tuple(int(n) for n in connection.execute(query).one())
        for query in (kept, select(func.count(), negative).where(within))
    )
    said = f"{at:%Y-%m-%d %H:00}: {one} counted, {other} in the rows"
    return said + (", but by other sites, queues or moods" if one == other else "")


def hour_of(central: Central) -> ColumnElement[Any]:
    """The hour (UTC) in which a call ended."""
    if central.store.dialect == "postgresql":
        return func.date_trunc("hour", call.c.ended_at, literal_column("'UTC'"))
    # a moment is text there; literals, so that the store sees that it groups by what it selects
    hour = func.substr(call.c.ended_at, literal_column("1"), literal_column("13"))
    return type_coerce(hour.op("||")(literal_column("':00:00.000000'")), DateTime())


def moment(found: datetime | str) -> datetime:
    """An hour or day as the database tells it, with its zone."""
    at = datetime.fromisoformat(found) if isinstance(found, str) else found
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _grouped(central: Central) -> Select[Any]:
    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    def summed(column: ColumnElement[float]) -> ColumnElement[float]:
        return func.coalesce(func.sum(column), 0.0)

    hour = hour_of(central)
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


def _count(
    connection: Connection, central: Central, days: Days, begin: datetime, end: datetime
) -> None:
    """Replace the counts of all hours from `begin` to before `end`, and note whose calls it were.

    Their days are due to be told.
    """
    within = (call.c.ended_at >= begin) & (call.c.ended_at < end)
    hour = hour_of(central)
    causes = (
        select(
            hour.label("hour"), call.c.site, call.c.queue, call_cause.c.cause,
            func.count().label("calls"),
        )
        .select_from(call.join(call_cause, call.c.call_id == call_cause.c.call_id))
        .where(within, call.c.category == "negative")
        .group_by(hour, call.c.site, call.c.queue, call_cause.c.cause)
    )  # fmt: skip
    grouped = _grouped(central).where(within)
    for table, rows in ((hourly, grouped), (hourly_cause, causes)):
        connection.execute(delete(table).where(table.c.hour >= begin, table.c.hour < end))
        connection.execute(insert(table).from_select(rows.selected_columns.keys(), rows))
    there = select(hourly.c.hour, hourly.c.site).distinct()
    there = there.where(hourly.c.hour >= begin, hourly.c.hour < end)
    found = {(days.of(site, at), site) for at, site in connection.execute(there)}
    fresh = [{"day": day, "site": site} for day, site in sorted(found)]
    upsert.insert_if_new(connection, day_due, fresh)
    place = [call.c[name] for name in _DESK]
    seen = select(*place, func.max(call.c.ended_at)).where(within).group_by(*place)
    upsert.put_later(connection, desk, (*_DESK, "last_call"), seen)
