"""PostgreSQL keeps calls, reports and causes by the month; SQLite as before."""

from datetime import UTC, datetime

from alembic import op

revision = "0007"
down_revision = "0006"

_KEYED = ("alert", "call", "call_report", "call_cause", "cases", "feedback", "number_match",
          "courtesy")  # fmt: skip
"""A key's order must be that of its characters, everywhere that it is compared."""
_KEYS = {"call": "call_id", "call_report": "call_id", "call_cause": "call_id, cause"}
_INDEXES = {
    "ix_call_received_at": "received_at",
    "ix_call_site_device_line_ended_at": "site, device, line, ended_at",
}
_REFER = ("call_cause", "courtesy")
_MONTHS = """
SELECT DISTINCT date_trunc('month', to_timestamp(
  ('x' || lpad(replace(substr(call_id, 1, 13), '-', ''), 16, '0'))::bit(64)::bigint / 1000.0
) AT TIME ZONE 'UTC') FROM call_before WHERE call_id ~ '^01[0-9a-f]{6}-[0-9a-f]{4}-7'
"""


def upgrade() -> None:
    """Move every call into the partition of its month."""
    if op.get_bind().dialect.name != "postgresql":
        return
    _without_references()
    for table in _KEYED:
        op.execute(f'ALTER TABLE "{table}" ALTER call_id TYPE varchar(64) COLLATE "C"')
    op.execute("CREATE SCHEMA IF NOT EXISTS sered_months")
    for table in _KEYS:
        _aside(table)
    months = [row[0] for row in op.get_bind().exec_driver_sql(_MONTHS)]
    for table, key in _KEYS.items():
        op.execute(
            f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS)"
            " PARTITION BY RANGE (call_id)"
        )
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")
        op.execute(f"CREATE TABLE sered_months.{table}_other PARTITION OF {table} DEFAULT")
        for at in months:
            end = datetime(at.year + at.month // 12, at.month % 12 + 1, 1)
            op.execute(
                f"CREATE TABLE sered_months.{table}_{at:%Y_%m} PARTITION OF {table}"
                f" FOR VALUES FROM ('{_bound(at)}') TO ('{_bound(end)}')"
            )
    _indexes()
    _filled()
    _with_references()


def downgrade() -> None:
    """One table again, with everything in it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    _without_references()
    for table in _KEYS:
        _aside(table)
    for table, key in _KEYS.items():
        op.execute(f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS)")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")
    _indexes()
    _filled()
    op.execute("DROP SCHEMA sered_months")
    for table in _KEYED:
        op.execute(f'ALTER TABLE "{table}" ALTER call_id TYPE varchar(64) COLLATE "default"')
    _with_references()


def _aside(table: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{table}_before")


def _indexes() -> None:
    for index in _INDEXES:
        op.execute(f"ALTER INDEX {index} RENAME TO {index}_before")
    for index, columns in _INDEXES.items():
        op.execute(f"CREATE INDEX {index} ON call ({columns})")


def _filled() -> None:
    for table in _KEYS:
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608 - names are ours
        op.execute(f"DROP TABLE {table}_before")


def _without_references() -> None:
    for table in _REFER:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT fk_{table}_call_id")


def _with_references() -> None:
    for table in _REFER:
        op.create_foreign_key(
            op.f(f"fk_{table}_call_id"), table, "call", ["call_id"], ["call_id"], ondelete="CASCADE"
        )


def _bound(month: datetime) -> str:
    stamp = f"{int(month.replace(tzinfo=UTC).timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"
