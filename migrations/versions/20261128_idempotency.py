"""Idempotency: keys of requests that may be sent again, and their answers, sealed.

Revision: 20261128_idempotency
Revises: 20261128_batches
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261128_idempotency"
down_revision: str | None = "20261128_batches"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key_id", "name", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"])
    op.create_index(op.f("ix_idempotency_keys_holder"), "idempotency_keys", ["holder"])


def downgrade() -> None:
    op.drop_table("idempotency_keys")
