"""Tables of cases: their state, what was done, what was said of the verdict, what goes out."""

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
    UniqueConstraint,
)

from sered.central.store.tables.columns import Id, Utc, call_key, metadata

cases = Table(
    "cases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("call_id", call_key(), nullable=False),
    Column("joined_to", Id, ForeignKey("cases.id")),
    Column("storm_of", Id, ForeignKey("cases.id")),
    Column("site", String(128), nullable=False),
    Column("device", String(128), nullable=False),
    Column("line", String(128), nullable=False),
    Column("queue", String(128), nullable=False, server_default=""),
    Column("team", String(40), nullable=False),
    Column("causes", JSON, nullable=False),
    Column("score", Float),
    Column("confidence", Float),
    Column("call_ended_at", Utc, nullable=False),
    Column("arrived_late", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("claimed_by", Id, ForeignKey("users.id")),
    Column("claimed_at", Utc),
    Column("lease_until", Utc),
    Column("called_at", Utc),
    Column("closed_at", Utc),
    Column("withdrawn_at", Utc),
    Column("outcome", String(16)),
    Column("called_again", Boolean),
    Column("arm", String(8), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("caller_hmac", String(64)),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("next_step_at", Utc),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("call_id"),
    Index(None, "state", "team", "due_at"),
    Index(None, "next_step_at"),
    Index(None, "lease_until"),
    Index(None, "closed_at"),
    Index(None, "opened_at"),
    Index(None, "caller_hmac"),
    Index(None, "storm_of"),
    Index(None, "site", "team", "opened_at"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("by", Id, ForeignKey("users.id")),
    Column("kind", String(12), nullable=False),
    Column("again_at", Utc),
    Index(None, "case_id"),
)

note = Table(
    "note",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("by", Id, ForeignKey("users.id")),
    Column("text_enc", LargeBinary, nullable=False),
    Index(None, "case_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("call_id", call_key(), nullable=False),
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("verdict", String(8), nullable=False),
    Column("true_cause", String(64)),
    Column("by_role", String(16), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("call_id"),
    Index(None, "at"),
)

undo = Table(
    "undo",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("by", Id, nullable=False),
    Column("until", Utc, nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", JSON, nullable=False),
)

step_fired = Table(
    "step_fired",
    metadata,
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("due", Utc, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("step", Integer, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("dedupe", String(120), nullable=False),
    Column("created", Utc, nullable=False),
    Column("due", Utc, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("sent_at", Utc),
    Column("given_up_at", Utc),
    Column("error", Text, nullable=False, server_default=""),
    Column("event", String(16), nullable=False, server_default="step"),
    UniqueConstraint("dedupe"),
    Index(None, "due"),
    Index(None, "case_id"),
)

channel_state = Table(
    "channel_state",
    metadata,
    Column("channel", String(40), primary_key=True),
    Column("down_since", Utc),
    Column("error", Text, nullable=False, server_default=""),
    Column("last_sent", Utc),
)

claim_token = Table(
    "claim_token",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("case_id", Id, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("expires", Utc, nullable=False),
    Column("used_at", Utc),
)
