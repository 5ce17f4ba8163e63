"""Tables of who called: the exchange's records and which call each belongs to."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

from sered.central.store.tables.columns import Id, Utc, call_key, metadata

pbx_call = Table(
    "pbx_call",
    metadata,
    Column("pbx_id", String(128), primary_key=True),
    Column("extension", String(128), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("number_enc", LargeBinary),
    Column("number_hmac", String(64)),
    Column("started", Utc, nullable=False),
    Column("answered", Utc),
    Column("ended", Utc),
    Column("source", String(16), nullable=False),
    Column("received_at", Utc, nullable=False),
    Index(None, "extension", "answered"),
    Index(None, "number_hmac"),
    Index(None, "received_at"),
)

number_match = Table(
    "number_match",
    metadata,
    Column("call_id", call_key(), primary_key=True),
    Column("pbx_id", String(128)),
    Column("number_enc", LargeBinary),
    Column("iou", Float),
    Column("offset_s", Float),
    Column("how", String(8), nullable=False),
    Column("by", Id, ForeignKey("users.id")),
    Column("at", Utc, nullable=False),
    Index(None, "pbx_id"),
)

clock_offset = Table(
    "clock_offset",
    metadata,
    Column("site", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("offset_s", Float),
    Column("calls", Integer, nullable=False),
    Column("agreeing", Integer, nullable=False),
    Column("at", Utc, nullable=False),
)

pbx_file = Table(
    "pbx_file",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("size", Id, nullable=False),
    Column("mtime_ns", Id, nullable=False),
    Column("position", Id, nullable=False),
    Column("records", Id, nullable=False),
    Column("refused", Id, nullable=False),
    Column("fault", String(400), nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
)
