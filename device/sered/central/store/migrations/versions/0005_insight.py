"""What is counted: calls by the hour, desks that were seen, courtesy calls."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTS = (
    "calls", "negative", "positive", "undetermined", "escalate", "heard", "asr_sum", "snr_n",
    "snr_sum", "score_n", "score_sum", "lost_s", "duration_s",
)  # fmt: skip
_SUMS = {"asr_sum", "snr_sum", "score_sum", "lost_s", "duration_s"}


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "hourly",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), nullable=False),
        sa.Column("versions", sa.String(length=200), nullable=False),
        *(
            sa.Column(name, sa.Float() if name in _SUMS else sa.Integer(), nullable=False)
            for name in _COUNTS
        ),
        sa.PrimaryKeyConstraint("hour", "site", "queue", "versions", name=op.f("pk_hourly")),
    )
    op.create_table(
        "hourly_cause",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "site", "queue", "cause", name=op.f("pk_hourly_cause")),
    )
    op.create_table(
        "desk",
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("line", sa.String(length=128), nullable=False),
        sa.Column("last_call", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site", "queue", "device", "line", name=op.f("pk_desk")),
    )
    op.create_table(
        "rolled_up",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rolled_up")),
    )
    op.create_table(
        "courtesy",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("week", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("team", sa.String(length=40), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("p", sa.Float(), nullable=False),
        sa.Column("claimed_by", ID, nullable=True),
        sa.Column("unhappy", sa.Boolean(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["call.call_id"], name=op.f("fk_courtesy_call_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["claimed_by"], ["users.id"], name=op.f("fk_courtesy_claimed_by")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_courtesy")),
    )
    op.create_index(op.f("ix_courtesy_week"), "courtesy", ["week"])
    op.create_index(op.f("ix_courtesy_team_done_at"), "courtesy", ["team", "done_at"])


def downgrade() -> None:
    """Drop them; they are made anew from the rows, but for the courtesy calls."""
    for name in ("courtesy", "rolled_up", "desk", "hourly_cause", "hourly"):
        op.drop_table(name)
