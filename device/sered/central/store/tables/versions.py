"""Table of the oldest version whose programs can use the store's tables."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from sered.central.store.tables.columns import metadata

usable_from = Table("usable_from", metadata, Column("revision", String(32), primary_key=True))
"""One row: a revision of the migrations. Alembic's own table has that of the tables."""
