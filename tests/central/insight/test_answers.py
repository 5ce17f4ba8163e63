"""What pages say: the truth of the rows, with its limits, and nothing about a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from insight_stage import Calls
from sered.central.errors import InputError, NotFoundError
from sered.central.insight import keeping, missed
from sered.central.insight.answers import Answer, Figures
from sered.central.insight.boxes import boxes
from sered.central.insight.helped import helped
from sered.central.insight.missed import missed as ask_missed
from sered.central.insight.right import right
from sered.central.insight.today import today
from sered.central.insight.unhappy import unhappy
from sered.central.store.tables import courtesy

if TYPE_CHECKING:
    from collections.abc import Callable

    from central_stage import Clock
    from sered.central.context import Central
    from sered.central.people import Actor


def test_precision_is_that_of_the_verdicts(central: Central, clock: Clock) -> None:
    """Right of right and wrong, with its interval, and the share nobody judged beside it."""
    calls = Calls(central)
    judged = calls.unhappy(clock(), 40, causes=("delay",))
    calls.closed(judged[:32], "right")
    calls.closed(judged[32:], "wrong")
    calls.closed(calls.unhappy(clock(), 10), None)
    keeping.count(central)
    found = right(central)
    assert "Right: 80 % (65 to 90 %). Judged: 80 % (67 to 89 %)" in found.lead
    assert found.charts[0].points[0].value == pytest.approx(0.8)


def test_what_nobody_measured_is_not_measured(
    make_central: Callable[..., Central], clock: Clock
) -> None:
    """Without courtesy calls there is no figure of what is missed, and the page says so."""
    central = make_central()
    assert ask_missed(central).lead.startswith("Not measured")
    assert ask_missed(central).tables == ()
    assert clock()


def test_a_sample_is_drawn_once_and_weighted(
    make_central: Callable[..., Central], clock: Clock, person: Callable[..., Actor]
) -> None:
    """Twenty of last week's calls without alert, the same however often it is looked."""
    central = make_central(courtesy={"calls_a_week": 20})
    calls = Calls(central)
    week = clock() - timedelta(days=7)
    keys = calls.add(week, 200)
    calls.closed(calls.unhappy(week, 5), "right")
    assert missed.draw(central) == 20
    assert missed.draw(central) == 0
    with central.store.reading() as connection:
        rows = connection.execute(select(courtesy)).all()
    assert {row.call_id for row in rows} <= set(keys)
    assert {row.p for row in rows} == {0.1}
    ann = person("ann")
    keeping.count(central)
    for at, row in enumerate(rows):
        missed.settle(central, ann, row.call_id, at < 5)
    found = ask_missed(central)
    assert "5 of 20 customers who were called out of courtesy were unhappy." in found.lead
    with pytest.raises(InputError):
        missed.settle(central, ann, rows[0].call_id, unhappy=True)
    with pytest.raises(NotFoundError):
        missed.settle(central, person("kim", teams=("billing",)), rows[0].call_id, unhappy=True)


def test_negative_shares_have_limits_and_marks(central: Central, clock: Clock) -> None:
    """Thirty days, an upgrade that breaks something: the day is outside, the upgrade marked."""
    calls = Calls(central)
    begin = clock() - timedelta(days=30)
    for day in range(30):
        at = begin + timedelta(days=day)
        broken = day >= 28
        version = "0.3.0" if broken else "0.2.0"
        bad = 60 if broken else 18 + day % 5
        calls.unhappy(at, bad, causes=("product",), versions=version)
        calls.add(at, 100 - bad, versions=version)
    keeping.count(central)
    found = unhappy(central)
    (chart,) = found.charts
    assert [point.label for point in chart.points if point.outside] == [
        f"{begin + timedelta(days=day):%Y-%m-%d}" for day in (28, 29)
    ]
    assert [point.mark for point in chart.points if point.mark] == ["0.3.0"]
    assert found.tables[0].rows[0][0] == "product"


def test_a_small_group_is_not_spoken_of(central: Central, clock: Clock) -> None:
    """A site with two desks has no share anywhere: not alone, not in a table, not by queue."""
    calls = Calls(central)
    yesterday = clock() - timedelta(days=1)
    calls.add(yesterday, 60)
    for desk in ("d1", "d2"):
        calls.unhappy(yesterday, 31, site="tiny", device=desk, queue="q")
    keeping.count(central)
    assert unhappy(central).lead == "Negative: 0 % (0 to 6 %) of 60 calls in 56 days."
    assert unhappy(central, "tiny").tables == ()
    assert unhappy(central, "tiny", "q").tables == ()
    by_site = next(t for t in unhappy(central).tables if t.caption.startswith("By site"))
    assert [row for row in by_site.rows if row[0] == "tiny"] == [
        ("tiny", "", "", "fewer than five desks", "")
    ]


def test_no_answer_names_a_desk_but_the_technical_one(central: Central, clock: Clock) -> None:
    """Of all answers none has a device or line in it but the inventory, which has no verdicts."""
    calls = Calls(central)
    keys = calls.unhappy(clock(), 60, line="handset9", causes=("delay",))
    calls.closed(keys, "right", device="desk1", line="handset9")
    keeping.count(central)
    answers: list[Answer] = [
        right(central), ask_missed(central), helped(central), unhappy(central),
        today(central, clock() - timedelta(days=1)),
    ]  # fmt: skip
    for found in answers:
        text = found.lead + found.as_csv()
        assert "desk1" not in text
        assert "handset9" not in text
    inventory = boxes(central).as_csv()
    assert "negative" not in inventory
    assert "handset9" not in inventory


def test_a_cell_is_never_a_formula() -> None:
    """What a stranger said cannot become a formula in somebody's spreadsheet."""
    cells = ("=cmd|x", "+1", "\t=cmd|x", "plain", "a\u202eb", 3)
    found = Answer("x", "?", "", (Figures("t", ("a",), tuple((cell,) for cell in cells)),))
    said = ["'=cmd|x", "'+1", "' =cmd|x", "plain", "a b", "3"]
    assert found.as_csv().splitlines()[2:] == said
