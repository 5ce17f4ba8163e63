"""The version of central that comes after this one, for tests: what a change of tables may be.

It has one migration more, and its ingester notes of each call who stored it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sered.central.store import migrate

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "9000"
BORNE = """
    op.add_column("call", sa.Column("stored_by", sa.String(16)))
    op.add_column("device", sa.Column("floor", sa.Integer(), nullable=False, server_default="0"))
    op.execute("ALTER TABLE device ALTER COLUMN queue TYPE varchar(256)")
    op.create_table("shelf", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_index("ix_device_floor", "device", ["floor"])
    op.execute("CREATE OR REPLACE VIEW bi_shelf AS SELECT site, device, floor FROM device")
"""
"""What the version before reads and writes on beside."""
STRANDING = """
    op.add_column("call", sa.Column("stored_by", sa.String(16), server_default="", nullable=False))
    op.alter_column("call", "stored_by", server_default=None)
"""
"""A column that must be filled: the version before does not know it."""
_MIGRATION = '''"""The next version's tables."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
{strands}

def upgrade():
{steps}
'''
_TABLES = """
call.append_column(Column("stored_by", String(16)))
device.append_column(Column("floor", Integer, nullable=False, server_default="0"))
"""
_ROW = '''
_row_of_before = call_row


def call_row(*given):
    """Also who stores it."""
    return _row_of_before(*given) | {"stored_by": "next"}
'''


def add_migration(scripts: Path, steps: str = BORNE, *, strands: bool = False) -> None:
    """Put it behind the last one of a folder of migrations."""
    said = f'usable_from = "{REVISION}"\n' if strands else ""
    words = {"revision": REVISION, "before": migrate.wanted(), "strands": said, "steps": steps}
    (scripts / f"versions/{REVISION}_next.py").write_text(_MIGRATION.format(**words))


def make(package: Path) -> None:
    """Of a folder `sered` with this version make the next one."""
    central = package / "central"
    add_migration(central / "store/migrations")
    for name, more in (("store/tables/boxes.py", _TABLES), ("ingest/sifting.py", _ROW)):
        with (central / name).open("a") as file:
            file.write(more)
