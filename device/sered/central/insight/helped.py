"""Did calling back help? Outcomes and repeat calls by time to the call back; not causal."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sered.central.insight.answers import Answer, Chart, Figures, Point
from sered.central.insight.figures import difference, share
from sered.central.insight.groups import SMALL, Desks
from sered.central.store.tables import cases, pbx_call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from sered.central.context import Central

WEEKS = 26
REPEAT = timedelta(days=7)
_BANDS = (
    (300.0, "within 5 min"),
    (900.0, "5 to 15 min"),
    (3600.0, "15 to 60 min"),
    (1e12, "later"),
)
_NEVER = "never reached"
_SEVERITY = ((-0.75, "very unhappy"), (2.0, "unhappy"))


def helped(central: Central) -> Answer:
    """Recovered, and called again within seven days, by time to the call back and severity."""
    question = "Did calling back help?"
    since = central.now() - timedelta(weeks=WEEKS)
    with central.store.reading() as connection:
        if not Desks(connection, since).enough():
            return Answer("helped", question, f"Nothing is said of {SMALL}.")
        rows = connection.execute(
            select(cases).where(
                cases.c.state == "closed", cases.c.closed_at >= since, cases.c.joined_to.is_(None)
            )
        ).all()
        again = _called_again(connection, rows, central.now())
    groups: defaultdict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[_severity(row), _band(row)].append(row)
    bands = [name for _, name in _BANDS] + [_NEVER]
    table, points = [], []
    for severity in (name for _, name in _SEVERITY):
        for band in bands:
            found = groups.get((severity, band), [])
            if not found:
                continue
            known = [again[row.id] for row in found if row.id in again]
            recovered = share(sum(row.outcome == "recovered" for row in found), len(found))
            repeat = share(sum(known), len(known))
            table.append((severity, band, len(found), str(recovered), str(repeat), len(known)))
            if repeat.n:
                points.append(Point(f"{severity}, {band}", repeat.value, repeat.low, repeat.high))
    columns = ("severity", "called back", "cases", "recovered", "called again in 7 days", "known")
    withheld = sum(row.id not in again for row in rows)
    lead = f"{len(rows)} cases were closed in {WEEKS} weeks. {_said(rows, again)}"
    limits = (
        "Not causal: the angriest are called first, and who is reached soon differs from others.",
        f"Of {withheld} cases no number is known or seven days have not passed: whether they "
        "called again is not counted.",
    )
    return Answer(
        "helped",
        question,
        lead,
        (Figures("By severity and time to the call back", columns, tuple(table)),),
        (Chart("interval", "Called again within seven days", tuple(points)),) if points else (),
        limits,
    )


def _said(rows: Sequence[Row[Any]], again: dict[int, bool]) -> str:
    soon = [again[r.id] for r in rows if r.id in again and _band(r) == _BANDS[0][1]]
    rest = [again[r.id] for r in rows if r.id in again and _band(r) != _BANDS[0][1]]
    found = difference(share(sum(soon), len(soon)), share(sum(rest), len(rest)))
    if found is None or min(len(soon), len(rest)) < 30:
        return "Too few to compare those called back within five minutes with the others."
    value, low, high = found
    return (
        f"Those called back within five minutes called again {abs(value):.0%} "
        f"{'less' if value < 0 else 'more'} often than the others "
        f"(95 %: {low:+.0%} to {high:+.0%})."
    )


def _called_again(
    connection: Connection, rows: Sequence[Row[Any]], now: datetime
) -> dict[int, bool]:
    """Whether the caller of each case rang once more within REPEAT; unknown ones are left out."""
    marked = {row.id: row.caller_hmac for row in rows if row.caller_hmac}
    if not marked:
        return {}
    calls: defaultdict[str, list[datetime]] = defaultdict(list)
    query = select(pbx_call.c.number_hmac, pbx_call.c.started).where(
        pbx_call.c.number_hmac.is_not(None), pbx_call.c.direction == "in"
    )
    wanted = set(marked.values())
    for mark, started in connection.execute(query).tuples():
        if mark in wanted:
            calls[mark].append(started)
    out = {}
    for row in rows:
        ended = row.call_ended_at
        if row.id in marked and now - ended >= REPEAT:
            out[row.id] = any(ended < at <= ended + REPEAT for at in calls[marked[row.id]])
    return out


def _band(row: Row[Any]) -> str:
    if row.called_at is None:
        return _NEVER
    waited = (row.called_at - row.call_ended_at).total_seconds()
    return next(name for most, name in _BANDS if waited <= most)


def _severity(row: Row[Any]) -> str:
    score = row.score if row.score is not None else 0.0
    return next(name for most, name in _SEVERITY if score <= most)
