"""Tables say which version's programs can use them: hosts are brought up one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """A table of one row, which `migrate` writes."""
    op.create_table(
        "usable_from",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_usable_from")),
    )


def downgrade() -> None:
    """Drop it: programs of before never ask."""
    op.drop_table("usable_from")
