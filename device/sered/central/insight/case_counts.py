"""Counts cases by the day: opened by the hold-out's arm; closed, right, and who rang again.

As with calls the counts follow the rows: the days of the last while are counted anew each time,
since a case may still be judged, taken back or found to have led to another call.
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
    from sqlalchemy import FromClause, Label, Select

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


def follow(central: Central) -> int:
    """Count anew the days on which something may have changed; how many."""
    now = central.now()
    touched = {_day_of(at) for at in settle_repeats(central)}
    begin = _day_of(now - _RECENT)
    with central.store.reading() as connection:
        known = connection.scalar(select(func.max(daily_open.c.day)))
        late = select(cases.c.closed_at).join(feedback, feedback.c.call_id == cases.c.call_id)
        late = late.where(feedback.c.at >= begin, cases.c.closed_at < begin)
        touched |= {_day_of(at) for at in connection.scalars(late) if at}
        first = connection.scalar(select(func.min(cases.c.opened_at)))
    if first is None:
        return 0
    # a store that was never counted is counted from its first case on
    day = begin if known is not None else _day_of(first)
    while day <= now:
        touched.add(day)
        day += timedelta(days=1)
    # of days whose cases were deleted the counts are all that there is
    whole = retention.whole_since(central.settings, now)
    days = sorted(day for day in touched if day >= whole)
    for run in _runs(days):
        _count(central, run)
    return len(days)


def rebuild(central: Central) -> int:
    """Forget the counts and make them anew from the rows; how many days."""
    with central.store.writing() as connection:
        for table in _TABLES:
            whole = retention.whole_since(central.settings, central.now())
            connection.execute(delete(table).where(table.c.day >= whole))
    return follow(central)


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


def settle_repeats(central: Central) -> list[datetime]:
    """Note whether callers rang again, of cases whose seven days have passed; when those opened
    and closed.

    It is noted before the numbers are forgotten: afterwards nobody could tell.
    """
    now = central.now()
    columns = (cases.c.call_ended_at, cases.c.opened_at, cases.c.closed_at)
    due = select(cases.c.id, cases.c.caller_hmac, *columns).where(
        cases.c.caller_hmac.is_not(None),
        cases.c.called_again.is_(None),
        cases.c.call_ended_at < now - REPEAT,
    )
    moments: list[datetime] = []
    while True:
        with central.store.reading() as connection:
            rows = connection.execute(due.order_by(cases.c.id).limit(_AT_ONCE)).all()
            marks = {row.caller_hmac for row in rows}
            query = select(pbx_call.c.number_hmac, pbx_call.c.started).where(
                pbx_call.c.number_hmac.in_(sorted(marks)), pbx_call.c.direction == "in"
            )
            calls: dict[str, list[datetime]] = {}
            for mark, started in connection.execute(query):
                calls.setdefault(str(mark), []).append(started)
        if not rows:
            return moments
        with central.store.writing() as connection:
            for row in rows:
                end = row.call_ended_at
                again = any(end < at <= end + REPEAT for at in calls.get(row.caller_hmac, ()))
                one = cases.update().where(cases.c.id == row.id)
                connection.execute(one.values(called_again=again))
        moments += [at for row in rows for at in (row.opened_at, row.closed_at) if at]


def _runs(days: list[datetime]) -> list[list[datetime]]:
    runs: list[list[datetime]] = []
    for day in days:
        fits = runs and day - runs[-1][-1] <= timedelta(days=1) and len(runs[-1]) < _READ_DAYS
        if fits:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _count(central: Central, days: list[datetime]) -> None:
    end = days[-1] + timedelta(days=1)
    over = cases.outerjoin(feedback, feedback.c.call_id == cases.c.call_id)
    counted = (
        (cases.c.state == "closed")
        & cases.c.joined_to.is_(None)
        & (cases.c.closed_at >= days[0])
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
    opened = _opened(central).where(cases.c.opened_at >= days[0], cases.c.opened_at < end)
    with central.store.reading() as connection:
        open_rows = [_plain(row) for row in connection.execute(opened)]
        rows = [_plain(row) for row in connection.execute(by_case.group_by(*keys))]
        grouped = by_cause.group_by(day, cases.c.site, cause)
        cause_rows = [_plain(row) for row in connection.execute(grouped)]
    with central.store.writing() as connection:
        for table, found in zip(_TABLES, (rows, cause_rows, open_rows), strict=True):
            connection.execute(delete(table).where(table.c.day.in_(days)))
            if found:
                connection.execute(insert(table), found)


def _plain(row: Any) -> dict[str, Any]:
    return dict(row._mapping) | {"day": moment(row.day)}


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
    ).group_by(*keys)


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
