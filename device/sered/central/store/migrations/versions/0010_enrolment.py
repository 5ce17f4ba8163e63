"""Boxes ask for a certificate with a one-time token; a person approves it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Nobody has asked yet."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "enrolment",
        sa.Column("id", number, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created", moment, nullable=False),
        sa.Column("expires", moment, nullable=False),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("asked_at", moment, nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", moment, nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("signed_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enrolment_token_hash")),
    )
    op.create_index(op.f("ix_enrolment_state"), "enrolment", ["state"])


def downgrade() -> None:
    """Drop it: boxes keep the certificates that they have."""
    op.drop_index(op.f("ix_enrolment_state"), "enrolment")
    op.drop_table("enrolment")
