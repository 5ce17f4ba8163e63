"""Deadlines count open hours: several intervals a day, nights, holidays, the clock's change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sered.central.cases.shifts import after, is_open, parse_shift

OFFICE = [parse_shift(text) for text in ("mon-fri 08:00-12:00", "mon-fri 13:00-17:00")]
BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "seconds", "end"),
    [
        ("2026-03-04T09:00", 300, "2026-03-04T09:05"),  # in the morning
        ("2026-03-04T10:58", 300, "2026-03-04T12:03"),  # over lunch: 11:00 to 12:00 UTC
        ("2026-03-04T15:58", 300, "2026-03-05T07:03"),  # over night
        ("2026-03-06T15:59", 120, "2026-03-09T07:01"),  # over the weekend
        ("2026-03-07T12:00", 60, "2026-03-09T07:01"),  # on Saturday nobody is there
        ("2026-03-04T11:30", 0, "2026-03-04T12:00"),  # due at once: when they are back
        ("2026-03-27T15:59", 120, "2026-03-30T06:01"),  # clocks go forward in between
        ("2026-10-23T14:59", 120, "2026-10-26T07:01"),  # and back
    ],
)
def test_time_passes_in_open_hours_only(start: str, seconds: float, end: str) -> None:
    """Five minutes before lunch end after lunch, on Friday evening on Monday."""
    assert after(utc(start), seconds, OFFICE, BERLIN) == utc(end)


def test_holidays_do_not_count() -> None:
    """On a holiday nothing passes."""
    holidays = [date(2026, 3, 5)]
    assert after(utc("2026-03-04T15:59"), 120, OFFICE, BERLIN, holidays) == utc("2026-03-06T07:01")
    assert not is_open(utc("2026-03-05T09:00"), OFFICE, BERLIN, holidays)


def test_a_night_shift_goes_over_midnight() -> None:
    """A shift that ends before it begins ends on the next day."""
    night = [parse_shift("fri 22:00-06:00")]
    assert is_open(utc("2026-03-06T23:00"), night, "UTC")
    assert is_open(utc("2026-03-07T05:59"), night, "UTC")
    assert not is_open(utc("2026-03-07T06:00"), night, "UTC")
    assert after(utc("2026-03-06T23:30"), 3600, night, "UTC") == utc("2026-03-07T00:30")


def test_without_shifts_it_is_always_open() -> None:
    """A team without shifts has the clock run through."""
    assert after(utc("2026-03-07T03:00"), 300, [], "UTC") == utc("2026-03-07T03:05")


@pytest.mark.parametrize("text", ["", "mon", "mon 8-12", "foo 08:00-12:00", "mon 08:00-12:61"])
def test_hours_that_cannot_be_read_are_a_sentence(text: str) -> None:
    """What is no shift is named with an example."""
    with pytest.raises(ValueError, match="wanted"):
        parse_shift(text)


@given(st.integers(0, 400 * 24 * 60), st.integers(0, 50_000))
def test_a_deadline_is_never_before_its_time_nor_in_closed_hours(minute: int, span: int) -> None:
    """Every deadline lies in open hours, and after at least its span."""
    start = utc("2026-01-01T00:00") + timedelta(minutes=minute)
    end = after(start, span, OFFICE, BERLIN)
    assert end >= start + timedelta(seconds=span)
    moment = end - timedelta(seconds=1) if span else end
    assert is_open(moment, OFFICE, BERLIN)
