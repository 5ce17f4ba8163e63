"""Matching calls to an exchange's records: never wrong when it is sure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sered.central.callers import match, records
from sered.central.callers.match import Offset, Span
from sered.central.simulate import exchange, truth

MORNING = datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "country", "is_"),
    [
        ("+49 (0)30 1234-567", "", "+49301234567"),
        ("0049301234567", "49", "+49301234567"),
        ("030 1234567", "49", "+49301234567"),
        ("030 1234567", "", "0301234567"),
        ("sip:+4930123@pbx.example", "", "+4930123"),
        ('"anonymous"', "49", None),
        ("", "49", None),
        ("=HYPERLINK(1)", "49", None),
        ("00", "49", None),
        ("٣٠", "49", None),
    ],
)
def test_numbers_have_one_form(written: str, country: str, is_: str | None) -> None:
    """However an exchange writes a number, it is the same; withheld and nonsense are none."""
    assert records.normal(written, country) == is_


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_none(text: str) -> None:
    """No text breaks the reading of a number, and what comes out is + and digits."""
    number = records.normal(text, "49")
    assert number is None or number.removeprefix("+").isdecimal()


def _year(off_by_s: float, boxes: int = 20, days: int = 9) -> list[truth.TrueCall]:
    return [
        call
        for desk in truth.desks(boxes, seed=7, off_by_s=off_by_s)
        for n in range(days)
        for call in truth.day(desk, MORNING + timedelta(days=n), 10, seed=7)
    ]


@pytest.mark.slow
@pytest.mark.untraced
def test_no_wrong_number_in_ten_thousand_calls() -> None:
    """Clocks off by up to a minute: over nine in ten automatic, none of them wrong."""
    calls = _year(60.0)
    tally = exchange.tally(calls, list(exchange.legs(calls, 7)))
    assert tally.calls >= 10_000
    assert tally.wrong == 0
    assert tally.automatic >= 0.9 * tally.calls


def test_a_clock_that_jumps_gives_no_wrong_number() -> None:
    """A box that gets the time at noon is unsure for a while, and never wrong."""
    calls = []
    for desk in truth.desks(6, seed=3, off_by_s=0.0):
        early = truth.Desk(desk.site, desk.device, "line1", desk.extension, "", 45.0)
        calls += [*truth.day(early, MORNING, 10), *truth.day(early, MORNING + timedelta(1), 5)]
        calls += truth.day(desk, MORNING + timedelta(days=1, hours=5), 10)
    tally = exchange.tally(calls, list(exchange.legs(calls, 3)))
    assert tally.wrong == 0
    assert tally.automatic > 0


def test_a_desk_on_the_wrong_extension_is_never_sure() -> None:
    """With two desks' extensions swapped no number is taken without asking."""
    one, two = truth.desks(2, seed=5)
    swapped = [
        *truth.day(truth.Desk(one.site, "desk1", "line1", one.extension, ""), MORNING, 60),
        *truth.day(truth.Desk(two.site, "desk2", "line1", two.extension, ""), MORNING, 60),
    ]
    legs = list(exchange.legs(swapped, 5))
    other = {one.extension: two.extension, two.extension: one.extension}
    crossed = [
        records.Leg(
            leg.id, leg.source, leg.callers, (other[leg.called[0]],), leg.started, leg.answered,
            leg.ended,
        )
        for leg in legs
    ]  # fmt: skip
    assert exchange.tally(swapped, crossed).automatic == 0
    assert exchange.tally(swapped, legs).automatic > 0


def test_without_an_offset_nothing_is_sure() -> None:
    """A perfect overlap is not taken while the box's clock is not known."""
    span = Span(0.0, 100.0)
    assert match.sure(span, [span], Offset(None, 30, 12)) is None
    fit = match.sure(span, [span], Offset(0.0, 30, 30))
    assert fit
    assert fit.iou == 1.0


def test_two_that_fit_are_a_list() -> None:
    """A second record that comes near makes somebody choose."""
    known = Offset(0.0, 30, 30)
    assert match.sure(Span(0, 100), [Span(0, 100), Span(40, 100)], known) is None
