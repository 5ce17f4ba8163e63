"""Counts cases by the day: opened by the hold-out's arm; closed, right, and who rang again.

As with calls the counts follow the rows, and the store does the counting: the days of the last
while are counted anew each time, since a case may still be judged, taken back or found to have led
to another call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    case,
    cast,
    delete,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.sql.expression import literal_column

from sered.central import retention
from sered.central.insight import due
from sered.central.insight.rollup import moment
from sered.central.store.tables import (
    call,
    call_cause,
    cases,
    daily_case,
    daily_case_cause,
    daily_open,
    feedback,
    pbx_call,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, FromClause, Label, Select

    from sered.central.context import Central

REPEAT = timedelta(days=7)
"""Within so long a caller's next call counts as called again."""
BANDS = ((300.0, "within 5 min"), (900.0, "5 to 15 min"), (3600.0, "15 to 60 min"))
LATER, NEVER = "later", "never reached"
SEVERE_AT = -0.75
VERY, MERELY = "very unhappy", "unhappy"
_TABLES = (daily_case, daily_case_cause, daily_open)
_RECENT = timedelta(days=10)
_AT_ONCE = 300
_READ_DAYS = 7
_DAY = timedelta(days=1)


def follow(central: Central) -> int:
    """Count anew the days on which something may have changed; how many."""
    settle_repeats(central)
    _mark(central)
    # of days whose cases were deleted the counts are all that there is
    whole, counted = retention.whole_since(central.settings, central.now()), 0
    for run in _runs(due.waiting(central, due.CASES)):
        with central.store.writing() as connection:
            days = [at for at in due.take(connection, due.CASES, run) if at >= whole]
            if days:
                _count(connection, central, days[0], days[-1] + _DAY)
        counted += len(days)
    return counted


def _mark(central: Central) -> None:
    """The last days, and those whose cases were judged lately; all, where none was counted."""
    now = central.now()
    begin = _day_of(now - _RECENT)
    with central.store.reading() as connection:
        known = connection.scalar(select(func.max(daily_open.c.day)))
        late = select(cases.c.closed_at).join(feedback, feedback.c.call_id == cases.c.call_id)
        late = late.where(feedback.c.at >= begin, cases.c.closed_at < begin)
        found = {_day_of(at) for at in connection.scalars(late) if at}
        first = connection.scalar(select(func.min(cases.c.opened_at)))
    if first is None:
        return
    with central.store.writing() as connection:
        due.mark(connection, due.CASES, found)
        _mark_since(connection, central, begin if known is not None else first)


def _mark_since(connection: Connection, central: Central, first: datetime) -> None:
    day, now = _day_of(first), central.now()
    whole = retention.whole_since(central.settings, now)
    days = [day + _DAY * n for n in range((now - day) // _DAY + 1)]
    due.mark(connection, due.CASES, (day for day in days if day >= whole))


def mark_all(central: Central) -> None:
    """Have all counts made anew from the rows by the next `follow`."""
    with central.store.reading() as connection:
        firsts = [connection.scalar(select(func.min(at)))
                  for at in (cases.c.opened_at, *(table.c.day for table in _TABLES))]  # fmt: skip
    with central.store.writing() as connection:
        for first in firsts:
            if first is not None:
                _mark_since(connection, central, first)


def differences(central: Central) -> list[str]:
    """A sentence for every day whose counts are not those of the rows; none: they agree."""
    whole = retention.whole_since(central.settings, central.now())
    counted = (cases.c.state == "closed") & cases.c.joined_to.is_(None)
    days = {"closed": _day(central, cases.c.closed_at), "opened": _day(central, cases.c.opened_at)}
    over = cases.outerjoin(feedback, feedback.c.call_id == cases.c.call_id)
    closed = select(days["closed"].label("day"), *_judged()).select_from(over).where(counted)
    opened = select(days["opened"].label("day"), func.count().label("opened"))
    out = []
    with central.store.reading() as connection:
        for word, query, table, names in (
            ("closed", closed, daily_case, ("closed", "right_n", "wrong_n")),
            ("opened", opened, daily_open, ("opened",)),
        ):
            truth = {
                moment(row.day): tuple(int(getattr(row, name)) for name in names)
                for row in connection.execute(query.group_by(days[word]))
            }
            sums = [func.sum(table.c[name]) for name in names]
            kept = select(table.c.day, *sums).group_by(table.c.day)
            said = {moment(row[0]): tuple(int(n) for n in row[1:])
                    for row in connection.execute(kept)}  # fmt: skip
            none = (0,) * len(names)
            out += [
                f"{day:%Y-%m-%d}: {', '.join(names)} counted {said.get(day, none)}, in the rows "
                f"{truth.get(day, none)}"
                for day in sorted(truth.keys() | said.keys())
                if day >= whole and truth.get(day, none) != said.get(day, none)
            ]
    return out


def settle_repeats(central: Central) -> None:
    """Note whether callers rang again, of cases whose seven days have passed.

    It is noted before the numbers are forgotten: afterwards nobody could tell. The days on which
    those cases were opened and closed are due to be counted.
    """
    now = central.now()
    columns = (cases.c.call_ended_at, cases.c.opened_at, cases.c.closed_at)
    ready = select(cases.c.id, cases.c.caller_hmac, *columns).where(
        cases.c.caller_hmac.is_not(None),
        cases.c.called_again.is_(None),
        cases.c.call_ended_at < now - REPEAT,
    )
    while True:
        with central.store.reading() as connection:
            rows = connection.execute(ready.order_by(cases.c.id).limit(_AT_ONCE)).all()
            marks = {row.caller_hmac for row in rows}
            query = select(pbx_call.c.number_hmac, pbx_call.c.started).where(
                pbx_call.c.number_hmac.in_(sorted(marks)), pbx_call.c.direction == "in"
            )
            calls: dict[str, list[datetime]] = {}
            for mark, started in connection.execute(query):
                calls.setdefault(str(mark), []).append(started)
        if not rows:
            return
        with central.store.writing() as connection:
            for row in rows:
                end = row.call_ended_at
                again = any(end < at <= end + REPEAT for at in calls.get(row.caller_hmac, ()))
                one = cases.update().where(cases.c.id == row.id)
                connection.execute(one.values(called_again=again))
            moments = [at for row in rows for at in (row.opened_at, row.closed_at) if at]
            due.mark(connection, due.CASES, map(_day_of, moments))


def _runs(days: list[datetime]) -> list[list[datetime]]:
    runs: list[list[datetime]] = []
    for day in days:
        fits = runs and day - runs[-1][-1] <= _DAY and len(runs[-1]) < _READ_DAYS
        if fits:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _count(connection: Connection, central: Central, begin: datetime, end: datetime) -> None:
    """Replace the counts of all days from `begin` to before `end`."""
    over = cases.outerjoin(feedback, feedback.c.call_id == cases.c.call_id)
    counted = (
        (cases.c.state == "closed")
        & cases.c.joined_to.is_(None)
        & (cases.c.closed_at >= begin)
        & (cases.c.closed_at < end)
    )
    day = _day(central, cases.c.closed_at).label("day")
    versions = func.coalesce(call.c.versions, "?").label("versions")
    keys = (day, cases.c.site, versions, _severity(), _band(central))
    whole: FromClause = over.outerjoin(call, call.c.call_id == cases.c.call_id)
    by_case = select(*keys, *_judged(), *_after()).select_from(whole).where(counted)
    cause = func.coalesce(call_cause.c.cause, "none").label("cause")
    caused: FromClause = over.outerjoin(call_cause, call_cause.c.call_id == cases.c.call_id)
    by_cause = select(day, cases.c.site, cause, *_judged()).select_from(caused).where(counted)
    opened = _opened(central).where(cases.c.opened_at >= begin, cases.c.opened_at < end)
    for table, rows in (
        (daily_case, _grouped(by_case, len(keys))),
        (daily_case_cause, _grouped(by_cause, 3)),
        (daily_open, opened),
    ):
        connection.execute(delete(table).where(table.c.day >= begin, table.c.day < end))
        connection.execute(insert(table).from_select(rows.selected_columns.keys(), rows))


def _grouped(query: Select[Any], keys: int) -> Select[Any]:
    """By its first columns, named by their place: what they are reckoned from has parameters."""
    return query.group_by(*(literal_column(str(n + 1)) for n in range(keys)))


def _sum(condition: ColumnElement[bool], name: str) -> Label[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)


def _judged() -> tuple[Label[int], ...]:
    return (
        func.count().label("closed"),
        _sum(feedback.c.verdict == "right", "right_n"),
        _sum(feedback.c.verdict == "wrong", "wrong_n"),
        _sum(feedback.c.verdict.is_(None), "silent"),
    )


def _after() -> tuple[Label[int], ...]:
    return (
        _sum(cases.c.outcome == "recovered", "recovered"),
        _sum(cases.c.called_again.is_not(None), "again_known"),
        _sum(cases.c.called_again.is_(True), "again"),
    )


def _opened(central: Central) -> Select[Any]:
    day = _day(central, cases.c.opened_at)
    # the hundredth at or under the score; without a score the lowest, which takes part in nothing
    below = func.round(func.coalesce(cases.c.score, -1.0) * 100.0 - 0.5 + 1e-6)
    keys = (cases.c.arm, day, cases.c.site, cast(below, Integer))
    names = ("arm", "day", "site", "hundredth")
    return select(
        *(key.label(name) for key, name in zip(keys, names, strict=True)),
        func.count().label("opened"),
        _sum(cases.c.caller_hmac.is_not(None), "marked"),
        *_after()[1:],
    ).group_by(*(literal_column(str(n + 1)) for n in range(len(keys))))


def _severity() -> Label[str]:
    return case((cases.c.score <= SEVERE_AT, VERY), else_=MERELY).label("severity")


def _band(central: Central) -> Label[str]:
    if central.store.dialect == "postgresql":
        waited: Any = func.extract("epoch", cases.c.called_at - cases.c.call_ended_at)
    else:
        days = func.julianday(cases.c.called_at) - func.julianday(cases.c.call_ended_at)
        # to the tenth of a second: days since noon in 4714 BC are no exact numbers
        waited = func.round(days * 86_400.0, 1)
    bands = [(waited <= most, name) for most, name in BANDS]
    return case((cases.c.called_at.is_(None), NEVER), *bands, else_=LATER).label("band")


def _day(central: Central, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """The day (UTC) of a moment."""
    if central.store.dialect == "postgresql":
        return func.date_trunc("day", at, literal_column("'UTC'"))
    found = func.strftime("%Y-%m-%d 00:00:00.000000", at)
    return type_coerce(found, DateTime())


def _day_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
