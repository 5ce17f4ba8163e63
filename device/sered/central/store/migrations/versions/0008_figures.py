"""Counts of closed cases by the day, whether callers rang again, hold-out, what goes out."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_COUNTS = ("closed", "right_n", "wrong_n", "silent", "recovered", "again_known", "again")


def upgrade() -> None:
    """Nothing is known yet of callers of before; counts are made by the running central."""
    with op.batch_alter_table("cases") as table:
        table.add_column(sa.Column("called_again", sa.Boolean(), nullable=True))
        table.add_column(sa.Column("arm", sa.String(length=8), nullable=False, server_default=""))
    with op.batch_alter_table("outbox") as table:
        table.add_column(
            sa.Column("event", sa.String(length=16), nullable=False, server_default="step")
        )
        table.create_index(op.f("ix_outbox_case_id"), ["case_id"])
    op.create_index(op.f("ix_call_ended_at"), "call", ["ended_at"])
    op.create_index(op.f("ix_feedback_at"), "feedback", ["at"])
    op.create_table(
        "daily_case",
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("versions", sa.String(length=200), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("band", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint(
            "day", "site", "versions", "severity", "band", name=op.f("pk_daily_case")
        ),
    )
    op.create_table(
        "daily_case_cause",
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS[:4]),
        sa.PrimaryKeyConstraint("day", "site", "cause", name=op.f("pk_daily_case_cause")),
    )


def downgrade() -> None:
    """Drop them; the counts are made anew from the rows."""
    for name in ("daily_case_cause", "daily_case"):
        op.drop_table(name)
    op.drop_index(op.f("ix_feedback_at"), "feedback")
    op.drop_index(op.f("ix_call_ended_at"), "call")
    with op.batch_alter_table("outbox") as table:
        table.drop_index(op.f("ix_outbox_case_id"))
        table.drop_column("event")
    with op.batch_alter_table("cases") as table:
        table.drop_column("arm")
        table.drop_column("called_again")
