"""A week in which one desk worked alone: its cases are told with another week's, everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, text, update

from insight_stage import Calls
from sered.central.insight import keeping, right, weekly
from sered.central.insight.weeks import monday
from sered.central.store.tables import cases, feedback

if TYPE_CHECKING:
    from central_stage import Clock
    from sered.central.context import Central


def worked(central: Central, weeks_ago: int, count: int, desks: int) -> str:
    """A Wednesday's unhappy calls at so many desks, closed as right; the week's Monday."""
    calls = Calls(central)
    calls._made += 1000 * weeks_ago
    now = central.now()
    at = now - timedelta(days=now.weekday() - 2, weeks=weeks_ago)
    keys = []
    for desk in range(desks):
        keys += calls.unhappy(at, count // desks, device=f"desk{desk}")
    calls.closed(keys, "right")
    with central.store.writing() as connection:
        mine = cases.c.call_id.in_(keys)
        connection.execute(update(cases).where(mine).values(closed_at=at, opened_at=at))
        numbers = select(cases.c.id).where(mine)
        said = update(feedback).where(feedback.c.case_id.in_(numbers))
        connection.execute(said.values(at=at))
    return f"{monday(at.date())}"


def test_a_lone_desks_week_is_told_with_the_next(central: Central, clock: Clock) -> None:
    """No row of page, view or report is of the week in which one desk worked, and none of their
    differences: the next week's rows have both.
    """
    # the views know the database's clock alone; at noon it is the same day at every site
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    clock.move((noon - clock()).total_seconds())
    full, _, after = (
        worked(central, 4, 10, 5),
        worked(central, 3, 3, 1),
        worked(central, 2, 20, 5),
    )
    keeping.count(central)
    weeks = next(t for t in right.right(central).tables if t.caption == "By week").rows
    assert [(row[1], row[2]) for row in weeks] == [("10 of 10", 10), ("23 of 23", 23)]
    with central.store.reading() as connection:
        for view in ("bi_cases_by_week", "bi_case_causes_by_week"):
            query = text(f"SELECT week, SUM(closed) FROM {view} GROUP BY week ORDER BY week")
            found = [(str(week), int(n)) for week, n in connection.execute(query)]
            assert found == [(full, 10), (after, 23)]
    reports = {}
    for ago in (2, 1, 0):
        clock.move(-7 * 86400 * ago)
        reports[ago] = {row[0]: row[1:] for row in weekly.weekly(central).table.rows}
        clock.move(7 * 86400 * ago)
    assert [reports[ago]["Cases closed"] for ago in (2, 1)] == [("0", "10"), ("23", "0")]


def test_the_week_that_runs_is_told_with_the_last(central: Central, clock: Clock) -> None:
    """Before a day of this week is told its cases count at once, in the row of the last week."""
    clock.move(7 * 3600)
    worked(central, 1, 10, 5)
    calls = Calls(central)
    calls.closed(calls.unhappy(clock(), 2), "wrong")
    keeping.count(central)
    weeks = next(t for t in right.right(central).tables if t.caption == "By week").rows
    assert [(row[1], row[2]) for row in weeks] == [("10 of 12", 12)]
