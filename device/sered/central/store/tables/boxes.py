"""Tables of what boxes say: calls, alerts, the boxes' own state, and what was set aside."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
)

from sered.central.store.tables.columns import Id, Utc, call_key, metadata

device = Table(
    "device",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("queue", String(128), nullable=False, server_default=""),
    Column("first_seen", Utc, nullable=False),
    Column("last_seen", Utc, nullable=False),
    Column("state", String(16), nullable=False, server_default="unknown"),
    Column("state_at", Utc),
    Column("reasons", JSON, nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("versions", JSON),
    Column("spool_depth", Integer),
    Column("spool_dropped", Integer),
    Column("clock_synced", Boolean),
    Column("lost_s", Float),
    Column("rtf", Float),
    Column("temperature_c", Float),
    Column("certificate_until", Utc),
    Column("last_health", Utc),
    Column("last_call", Utc),
)

line_map = Table(
    "line_map",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", String(128), nullable=False),
    Column("device", String(128), nullable=False),
    Column("line", String(128), nullable=False),
    Column("extension", String(128), nullable=False),
    Column("queue", String(128), nullable=False, server_default=""),
    Column("valid_from", Utc, nullable=False),
    Column("valid_to", Utc),
    Index(None, "site", "device", "line"),
    Index(None, "extension"),
)

call = Table(
    "call",
    metadata,
    Column("call_id", call_key(), primary_key=True),
    Column("site", String(128), nullable=False),
    Column("device", String(128), nullable=False),
    Column("line", String(128), nullable=False),
    Column("queue", String(128), nullable=False, server_default=""),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("clock_synced", Boolean, nullable=False),
    Column("clock_doubtful", Boolean, nullable=False),
    Column("end_reason", String(32), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("mixed", Boolean, nullable=False),
    Column("category", String(16)),
    Column("score", Float),
    Column("confidence", Float),
    Column("p_negative", Float),
    Column("undetermined", String(32)),
    Column("escalate", Boolean, nullable=False),
    Column("acoustic", Float),
    Column("verbal", Float),
    Column("change", Float),
    Column("asr_confidence", Float),
    Column("snr_db", Float),
    Column("lost_s", Float, nullable=False),
    Column("versions", String(200), nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("arrived_late", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Index(None, "site", "device", "line", "ended_at"),
    Index(None, "received_at"),
    Index(None, "ended_at"),
)

call_report = Table(
    "call_report",
    metadata,
    Column("call_id", call_key(), primary_key=True),
    Column("z", LargeBinary, nullable=False),
)

call_cause = Table(
    "call_cause",
    metadata,
    Column("call_id", call_key(), ForeignKey("call.call_id", ondelete="CASCADE"), primary_key=True),
    Column("cause", String(64), primary_key=True),
)

alert = Table(
    "alert",
    metadata,
    Column("call_id", call_key(), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("site", String(128), nullable=False),
    Column("device", String(128), nullable=False),
    Column("line", String(128), nullable=False),
    Column("at", Utc, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("score", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("causes", JSON, nullable=False),
    Column("received_at", Utc, nullable=False),
    Index(None, "state", "received_at"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("topic", String(500), nullable=False),
    Column("size", Integer, nullable=False),
    Column("z", LargeBinary),
)

set_aside = Table(
    "set_aside",
    metadata,
    Column("reason", String(32), primary_key=True),
    Column("n", Id, nullable=False),
    Column("first", Utc, nullable=False),
    Column("last", Utc, nullable=False),
)
