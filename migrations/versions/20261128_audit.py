"""Audit: checkpoints with Merkle roots, keys in succession, anchors; smaller records.

Revision: 20261128_audit
Revises: 20261128_money
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261128_audit"
down_revision: str | None = "20261128_money"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_checkpoint_tables()
    _create_stream_tables()


def downgrade() -> None:
    for table in ("audit_stream_cursors", "audit_streams"):
        op.drop_table(table)
    _drop_checkpoint_tables()


def _create_checkpoint_tables() -> None:
    op.add_column("audit_checkpoints", sa.Column("root", sa.String(length=64), nullable=True))
    op.add_column("audit_checkpoints", sa.Column("previous_seq", sa.BigInteger(), nullable=True))
    op.add_column("audit_checkpoints", sa.Column("peaks", sa.LargeBinary(), nullable=True))
    op.create_table(
        "audit_tiles",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_audit_tiles")),
    )
    op.create_table(
        "audit_successions",
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("successor", sa.String(length=64), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("successor_signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("public_key", name=op.f("pk_audit_successions")),
        sa.UniqueConstraint("successor", name=op.f("uq_audit_successions_successor")),
    )
    op.create_table(
        "audit_anchors",
        sa.Column("anchor", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("anchor", "tenant", "seq", name=op.f("pk_audit_anchors")),
    )


def _create_stream_tables() -> None:
    op.create_table(
        "audit_streams",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_audit_streams")),
    )
    op.create_table(
        "audit_stream_cursors",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "tenant", name=op.f("pk_audit_stream_cursors")),
    )


def _drop_checkpoint_tables() -> None:
    for table in ("audit_anchors", "audit_successions", "audit_tiles"):
        op.drop_table(table)
    # Signed with a root, a checkpoint cannot be told from a forged one without it.
    op.execute("DELETE FROM audit_checkpoints WHERE root IS NOT NULL")
    op.execute(
        "UPDATE audit_heads SET checkpoint_seq = (SELECT coalesce(max(c.seq), 0)"
        " FROM audit_checkpoints c WHERE c.tenant = audit_heads.tenant)"
    )
    op.drop_column("audit_checkpoints", "peaks")
    op.drop_column("audit_checkpoints", "previous_seq")
    op.drop_column("audit_checkpoints", "root")
