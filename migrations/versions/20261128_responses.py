"""Stored responses.

Revision: 20261128_responses
Revises: 20261128_egress
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261128_responses"
down_revision: str | None = "20261128_egress"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "stored_responses",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=40), nullable=False),
        sa.Column("thread", sa.String(length=64), nullable=False),
        sa.Column("previous_id", sa.String(length=64), nullable=True),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_stored_responses")),
    )
    for columns in (["tenant", "thread"], ["tenant", "key_id"], ["expires_at"]):
        name = op.f(f"ix_stored_responses_{'_'.join(columns)}")
        op.create_index(name, "stored_responses", columns)
    op.create_table(
        "stored_response_subjects",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("response_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "response_id", "subject", name=op.f("pk_stored_response_subjects")
        ),
    )
    op.create_index(
        op.f("ix_stored_response_subjects_tenant_subject"),
        "stored_response_subjects",
        ["tenant", "subject"],
    )


def downgrade() -> None:
    op.drop_table("stored_response_subjects")
    op.drop_table("stored_responses")
