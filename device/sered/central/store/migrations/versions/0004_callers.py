"""The exchange's records and which call each belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "clock_offset",
        sa.Column("site", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("offset_s", sa.Float(), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("agreeing", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site", "device", name=op.f("pk_clock_offset")),
    )
    op.create_table(
        "pbx_call",
        sa.Column("pbx_id", sa.String(length=128), nullable=False),
        sa.Column("extension", sa.String(length=128), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("number_enc", sa.LargeBinary(), nullable=True),
        sa.Column("number_hmac", sa.String(length=64), nullable=True),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pbx_id", name=op.f("pk_pbx_call")),
    )
    op.create_index(
        op.f("ix_pbx_call_extension_answered"), "pbx_call", ["extension", "answered"], unique=False
    )
    op.create_index(op.f("ix_pbx_call_number_hmac"), "pbx_call", ["number_hmac"], unique=False)
    op.create_index(op.f("ix_pbx_call_received_at"), "pbx_call", ["received_at"], unique=False)
    op.create_table(
        "pbx_file",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("mtime_ns", ID, nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("records", ID, nullable=False),
        sa.Column("refused", ID, nullable=False),
        sa.Column("fault", sa.String(length=400), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pbx_file")),
    )
    op.create_table(
        "number_match",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("pbx_id", sa.String(length=128), nullable=True),
        sa.Column("number_enc", sa.LargeBinary(), nullable=True),
        sa.Column("iou", sa.Float(), nullable=True),
        sa.Column("offset_s", sa.Float(), nullable=True),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("by", ID, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["users.id"], name=op.f("fk_number_match_by")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_number_match")),
    )
    op.create_index(op.f("ix_number_match_pbx_id"), "number_match", ["pbx_id"], unique=False)


def downgrade() -> None:
    """Drop them, with what is in them."""
    op.drop_table("number_match")
    op.drop_table("pbx_file")
    op.drop_table("pbx_call")
    op.drop_table("clock_offset")
