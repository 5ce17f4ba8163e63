"""When the first of a box's certificates ends, as its health says."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Nothing is known until a box speaks again."""
    op.add_column("device", sa.Column("certificate_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """It is said again by every health."""
    op.drop_column("device", "certificate_until")
