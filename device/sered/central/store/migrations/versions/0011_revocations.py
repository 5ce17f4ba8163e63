"""Boxes are shut out on the board, and brokers fetch the signed list of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nobody is shut out yet."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.add_column("enrolment", sa.Column("revoked_at", moment, nullable=True))
    op.create_table(
        "revocation_list",
        sa.Column("id", number, nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("signed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocation_list")),
    )


def downgrade() -> None:
    """Drop it: brokers keep the list that they have."""
    op.drop_table("revocation_list")
    op.drop_column("enrolment", "revoked_at")
