"""Calls that come from an archive of recordings are marked."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Mark none of those that are there."""
    with op.batch_alter_table("call") as table:
        table.add_column(
            sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    """Forget the marks."""
    with op.batch_alter_table("call") as table:
        table.drop_column("archived")
