"""Tables of what is counted: calls by the hour, desks that were seen, courtesy calls."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from sered.central.store.tables.columns import Id, Utc, call_key, metadata

hourly = Table(
    "hourly",
    metadata,
    Column("hour", Utc, primary_key=True),
    Column("site", String(128), primary_key=True),
    Column("queue", String(128), primary_key=True),
    Column("versions", String(200), primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("undetermined", Integer, nullable=False),
    Column("escalate", Integer, nullable=False),
    Column("heard", Integer, nullable=False),
    Column("asr_sum", Float, nullable=False),
    Column("snr_n", Integer, nullable=False),
    Column("snr_sum", Float, nullable=False),
    Column("score_n", Integer, nullable=False),
    Column("score_sum", Float, nullable=False),
    Column("lost_s", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
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

desk = Table(
    "desk",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("queue", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("line", String(128), primary_key=True),
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
