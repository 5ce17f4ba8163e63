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

from sered.central import retention
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Select

    from sered.central.context import Central

_OVERLAP = timedelta(seconds=120)
"""A transaction may COMMIT after a later one did: what was received shortly before counts again."""
_AT_ONCE = 500
_NEAR, _SPAN = timedelta(hours=15), timedelta(hours=96)
"""Hours with calls that are read in one go: across a night, at most four days."""
_WRITTEN = 800
"""Rows of counts that one transaction writes, about: milliseconds, however large the fleet."""
_DESK = ("site", "queue", "device", "line", "versions")


def follow(central: Central) -> int:
    """Count anew the hours that calls arrived for since the last time; how many hours.

    Rows are read beside everybody else; only the writing of some hours' counts takes the turn of
    a writer, so that nobody waits for a look at a million calls.
    """
    now = central.now()
    hour = hour_of(central)
    with central.store.reading() as connection:
        since = connection.scalar(select(rolled_up.c.received_at).where(rolled_up.c.id == 1))
        fresh = select(hour.label("hour")).distinct()
        if since is not None:
            fresh = fresh.where(call.c.received_at > since - _OVERLAP)
        found = [moment(at) for at in connection.scalars(fresh)]
    # of hours whose calls were deleted the counts are all that there is
    whole = retention.whole_since(central.settings, now)
    hours = sorted(at for at in found if at >= whole)
    desks: dict[tuple[str, ...], datetime] = {}
    days = Days(central.settings)
    for run in _runs(hours):
        for key, last in _count(central, days, run):
            desks[key] = max(last, desks.get(key, last))
    _note_desks(central, desks)
    with central.store.writing() as connection:
        upsert.put(connection, rolled_up, {"id": 1, "received_at": now}, ["id"])
    return len(hours)


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


def rebuild(central: Central) -> int:
    """Forget all counts and make them anew from the rows; how many hours."""
    for table in (hourly, hourly_cause):
        with central.store.reading() as connection:
            fresh = table.c.hour >= retention.whole_since(central.settings, central.now())
            hours = list(connection.scalars(select(table.c.hour).where(fresh).distinct()))
        for run in range(0, len(hours), _AT_ONCE):
            with central.store.writing() as connection:
                gone = table.c.hour.in_(hours[run : run + _AT_ONCE])
                connection.execute(delete(table).where(gone))
    with central.store.writing() as connection:
        for table in (desk, rolled_up, day_due):
            connection.execute(delete(table))
    return follow(central)


def differences(central: Central) -> list[str]:
    """A sentence for every hour whose counts are not those of the rows; none: they agree."""
    whole = retention.whole_since(central.settings, central.now())
    rows = _grouped(central).subquery()
    query = select(rows.c.hour, *(func.sum(rows.c[n]).label(n) for n in ("calls", "negative")))
    kept = select(hourly.c.hour, *(func.sum(hourly.c[n]).label(n) for n in ("calls", "negative")))
    with central.store.reading() as connection:
        truth = {moment(r.hour): (int(r.calls), int(r.negative)) for r in
                 connection.execute(query.group_by(rows.c.hour))}  # fmt: skip
        said = {r.hour: (int(r.calls), int(r.negative)) for r in
                connection.execute(kept.group_by(hourly.c.hour))}  # fmt: skip
    return [
        f"{at:%Y-%m-%d %H:00}: {said.get(at, (0, 0))} counted, {truth.get(at, (0, 0))} in the rows"
        for at in sorted(truth.keys() | said.keys())
        if at >= whole and truth.get(at) != said.get(at)
    ]


def hour_of(central: Central) -> ColumnElement[Any]:
    """The hour (UTC) in which a call ended."""
    if central.store.dialect == "postgresql":
        return func.date_trunc("hour", call.c.ended_at, literal_column("'UTC'"))
    return type_coerce(func.strftime("%Y-%m-%d %H:00:00.000000", call.c.ended_at), DateTime())


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
    central: Central, days: Days, hours: list[datetime]
) -> list[tuple[tuple[str, ...], datetime]]:
    """Write the counts of these hours; desks that had calls then, with the last one's end."""
    within = (call.c.ended_at >= hours[0]) & (call.c.ended_at < hours[-1] + timedelta(hours=1))
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
    place = [call.c[name] for name in _DESK]
    seen = select(*place, func.max(call.c.ended_at).label("last_call")).where(within)
    with central.store.reading() as connection:
        rows = _of_hours(connection.execute(_grouped(central).where(within)))
        cause_rows = _of_hours(connection.execute(causes))
        desks = [(tuple(row[:-1]), row[-1]) for row in connection.execute(seen.group_by(*place))]
    some: list[datetime] = []
    for at in hours:
        some.append(at)
        if at == hours[-1] or sum(len(rows.get(h, ())) for h in some) >= _WRITTEN:
            with central.store.writing() as connection:
                for table, found in ((hourly, rows), (hourly_cause, cause_rows)):
                    connection.execute(delete(table).where(table.c.hour.in_(some)))
                    ready = [row for h in some for row in found.get(h, ())]
                    if ready:
                        connection.execute(insert(table), ready)
                upsert.insert_if_new(connection, day_due, _due(days, some, rows))
            some = []
    return desks


def _due(
    days: Days, hours: list[datetime], rows: dict[datetime, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    found = {(days.of(row["site"], at), row["site"]) for at in hours for row in rows.get(at, ())}
    return [{"day": day, "site": site} for day, site in sorted(found)]


def _of_hours(found: Iterable[Any]) -> dict[datetime, list[dict[str, Any]]]:
    out: dict[datetime, list[dict[str, Any]]] = {}
    for row in found:
        hour = moment(row.hour)
        out.setdefault(hour, []).append(dict(row._mapping) | {"hour": hour})
    return out


def _note_desks(central: Central, desks: dict[tuple[str, ...], datetime]) -> None:
    """Keep each desk's last call, where it is later than what is known."""
    with central.store.reading() as connection:
        query = select(*(desk.c[name] for name in (*_DESK, "last_call")))
        known = {tuple(row[:-1]): row[-1] for row in connection.execute(query)} if desks else {}
    newer = [
        dict(zip(_DESK, key, strict=True), last_call=last)
        for key, last in desks.items()
        if key not in known or known[key] < last
    ]
    for run in range(0, len(newer), _AT_ONCE):
        with central.store.writing() as connection:
            upsert.put_all(connection, desk, newer[run : run + _AT_ONCE], _DESK)
