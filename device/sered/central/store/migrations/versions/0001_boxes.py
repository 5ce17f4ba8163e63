"""Boxes, calls, alerts and what was set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "alert",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("line", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("causes", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "state", name=op.f("pk_alert")),
    )
    op.create_index(
        op.f("ix_alert_state_received_at"), "alert", ["state", "received_at"], unique=False
    )
    op.create_table(
        "call",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("line", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("clock_synced", sa.Boolean(), nullable=False),
        sa.Column("clock_doubtful", sa.Boolean(), nullable=False),
        sa.Column("end_reason", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("mixed", sa.Boolean(), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("p_negative", sa.Float(), nullable=True),
        sa.Column("undetermined", sa.String(length=32), nullable=True),
        sa.Column("escalate", sa.Boolean(), nullable=False),
        sa.Column("acoustic", sa.Float(), nullable=True),
        sa.Column("verbal", sa.Float(), nullable=True),
        sa.Column("change", sa.Float(), nullable=True),
        sa.Column("asr_confidence", sa.Float(), nullable=True),
        sa.Column("snr_db", sa.Float(), nullable=True),
        sa.Column("lost_s", sa.Float(), nullable=False),
        sa.Column("versions", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call")),
    )
    op.create_index(op.f("ix_call_received_at"), "call", ["received_at"], unique=False)
    op.create_index(
        op.f("ix_call_site_device_line_ended_at"),
        "call",
        ["site", "device", "line", "ended_at"],
        unique=False,
    )
    op.create_table(
        "call_report",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("z", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call_report")),
    )
    op.create_table(
        "device",
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), server_default="", nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="unknown", nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("versions", sa.JSON(), nullable=True),
        sa.Column("spool_depth", sa.Integer(), nullable=True),
        sa.Column("spool_dropped", sa.Integer(), nullable=True),
        sa.Column("clock_synced", sa.Boolean(), nullable=True),
        sa.Column("lost_s", sa.Float(), nullable=True),
        sa.Column("rtf", sa.Float(), nullable=True),
        sa.Column("temperature_c", sa.Float(), nullable=True),
        sa.Column("last_health", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_call", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("site", "device", name=op.f("pk_device")),
    )
    op.create_table(
        "line_map",
        sa.Column("id", ID, nullable=False),
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("line", sa.String(length=128), nullable=False),
        sa.Column("extension", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=128), server_default="", nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_map")),
    )
    op.create_index(op.f("ix_line_map_extension"), "line_map", ["extension"], unique=False)
    op.create_index(
        op.f("ix_line_map_site_device_line"), "line_map", ["site", "device", "line"], unique=False
    )
    op.create_table(
        "quarantine",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=500), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("z", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "set_aside",
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("n", ID, nullable=False),
        sa.Column("first", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reason", name=op.f("pk_set_aside")),
    )
    op.create_table(
        "call_cause",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["call.call_id"], name=op.f("fk_call_cause_call_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "cause", name=op.f("pk_call_cause")),
    )


def downgrade() -> None:
    """Drop them, with what is in them."""
    op.drop_table("call_cause")
    op.drop_table("set_aside")
    op.drop_table("quarantine")
    op.drop_table("line_map")
    op.drop_table("device")
    op.drop_table("call_report")
    op.drop_table("call")
    op.drop_table("alert")
