"""What is to be counted anew is kept, so that counting goes on after an end in the middle."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """A table of hours and days."""
    op.create_table(
        "count_due",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "at", name=op.f("pk_count_due")),
    )


def downgrade() -> None:
    """Drop it; everything is counted anew, since some of it may have been due."""
    op.drop_table("count_due")
    op.execute("DELETE FROM rolled_up")
