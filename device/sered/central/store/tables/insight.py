"""Tables of what is counted: calls by the hour, what is told of a day, cases, courtesy calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Table

from sered.central.store.tables.columns import Id, Utc, call_key, metadata

WHOLE_SUMS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "snr_n", "score_n",
)  # fmt: skip
"""Whole numbers that are summed of calls."""
_FLOATS = ("asr_sum", "snr_sum", "score_sum", "lost_s", "duration_s")
SUMS = (*WHOLE_SUMS, *_FLOATS)
"""What is summed of calls."""


def _sums() -> tuple[Column[Any], ...]:
    return (
        *(Column(name, Integer, nullable=False) for name in WHOLE_SUMS),
        *(Column(name, Float, nullable=False) for name in _FLOATS),
    )


hourly = Table(
    "hourly",
    metadata,
    Column("hour", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("queue", String(128), primary_key=True),
    Column("versions", String(200), primary_key=True),
    *_sums(),
)

hourly_cause = Table(
    "hourly_cause",
    metadata,
    Column("hour", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("queue", String(128), primary_key=True),
    Column("cause", String(64), primary_key=True),
    Column("calls", Integer, nullable=False),
)

count_due = Table(
    "count_due",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("at", Utc, primary_key=True),
)
"""Hours of calls and days of cases that are to be counted anew (`due`)."""

day_due = Table(
    "day_due",
    metadata,
    Column("day", Date, primary_key=True),
    Column("site", String(128), primary_key=True),
)
"""Days of a site, in its time zone, whose calls were counted since the day was told."""

told_on = Table(
    "told_on",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("day", Date, nullable=False),
)
"""The day of a site on which its days were told last: once a day."""

told_day = Table(
    "told_day",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("name", String(200), primary_key=True),
    *_sums(),
)
"""Sums of a day by kind (`site`, `queue`, `version`) and name, each of five desks or more."""

told_hour = Table(
    "told_hour",
    metadata,
    Column("hour", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("day", Date, nullable=False),
    Column("hours", Integer, nullable=False),
    *_sums(),
    Index(None, "day"),
)
"""The same by the hour; an hour with fewer desks is told with the next ones, `hours` of them."""

told_cause = Table(
    "told_cause",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("cause", String(64), primary_key=True),
    Column("calls", Integer, nullable=False),
)
"""Negative calls by cause, of sites and queues as in `told_day`."""

desk = Table(
    "desk",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("queue", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("line", String(128), primary_key=True),
    Column("versions", String(200), primary_key=True),
    Column("last_call", Utc, nullable=False),
)

_CLOSED = ("closed", "right_n", "wrong_n", "silent")
_AFTER = ("recovered", "again_known", "again")

daily_case = Table(
    "daily_case",
    metadata,
    Column("day", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("versions", String(200), primary_key=True),
    Column("severity", String(16), primary_key=True),
    Column("band", String(16), primary_key=True),
    *(Column(name, Integer, nullable=False) for name in (*_CLOSED, *_AFTER)),
)

daily_open = Table(
    "daily_open",
    metadata,
    Column("arm", String(8), primary_key=True),
    Column("day", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("hundredth", Integer, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in ("opened", "marked", *_AFTER[1:])),
)
"""Cases by the day that they were opened on, the hold-out's arm, and their score in hundredths."""

daily_case_cause = Table(
    "daily_case_cause",
    metadata,
    Column("day", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("cause", String(64), primary_key=True),
    *(Column(name, Integer, nullable=False) for name in _CLOSED),
)

rolled_up = Table(
    "rolled_up",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received_at", Utc, nullable=False),
)

courtesy = Table(
    "courtesy",
    metadata,
    Column("call_id", call_key(), ForeignKey("call.call_id", ondelete="CASCADE"), primary_key=True),
    Column("week", Utc, nullable=False),
    Column("site", String(128), nullable=False),
    Column("team", String(40), nullable=False),
    Column("drawn_at", Utc, nullable=False),
    Column("p", Float, nullable=False),
    Column("claimed_by", Id, ForeignKey("users.id")),
    Column("unhappy", Boolean),
    Column("done_at", Utc),
    Index(None, "week"),
    Index(None, "team", "done_at"),
)
