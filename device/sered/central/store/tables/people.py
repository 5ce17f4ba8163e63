"""Tables of people: users, sessions, tokens, and the chained audit trail of ids."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from sered.central.store.tables.columns import Id, Utc, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", String(120), nullable=False, server_default=""),
    Column("argon2", String(200)),
    Column("oidc_sub", String(255), unique=True),
    Column("roles", JSON, nullable=False),
    Column("teams", JSON, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", Utc, nullable=False),
    Column("last_login", Utc),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created", Utc, nullable=False),
    Column("seen", Utc, nullable=False),
    Column("expires", Utc, nullable=False),
)

login_try = Table(
    "login_try",
    metadata,
    Column("who", String(128), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Utc),
    Column("last", Utc, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("scope", String(32), nullable=False),
    Column("created", Utc, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Id, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "object_id"),
    Index(None, "at"),
)
