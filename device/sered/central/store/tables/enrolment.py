"""Tables of boxes that ask for a certificate, and of the signed lists of those taken back."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from sered.central.store.tables.columns import Id, Utc, metadata

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("site", String(128), nullable=False),
    Column("device", String(128), nullable=False),
    Column("state", String(10), nullable=False),
    Column("created", Utc, nullable=False),
    Column("expires", Utc, nullable=False),
    Column("request", Text),
    Column("fingerprint", String(64)),
    Column("asked_at", Utc),
    Column("decided_by", String(64)),
    Column("decided_at", Utc),
    Column("certificate", Text),
    Column("signed_at", Utc),
    Column("revoked_at", Utc),
    Index(None, "state"),
)
revocation_list = Table(
    "revocation_list",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pem", Text, nullable=False),
    Column("signed_at", Utc, nullable=False),
)
