"""The vault: what conversations remember, sealed.

Revision: 20261122_vault
Revises: 20261122_tenant_recognizers
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261122_vault"
down_revision: str | None = "20261122_tenant_recognizers"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "vault_tenants",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_vault_tenants")),
    )
    op.create_table(
        "vault_conversations",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_vault_conversations")),
    )
    op.create_index(
        op.f("ix_vault_conversations_expires_at"), "vault_conversations", ["expires_at"]
    )
    op.create_table(
        "vault_messages",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_vault_messages")),
    )
    op.create_index(
        op.f("ix_vault_messages_tenant_conversation"), "vault_messages", ["tenant", "conversation"]
    )
    op.create_table(
        "vault_subjects",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_vault_subjects")),
    )
    op.create_table(
        "vault_entries",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "conversation", "slot", name=op.f("pk_vault_entries")),
    )
    op.create_index(op.f("ix_vault_entries_tenant_subject"), "vault_entries", ["tenant", "subject"])


def downgrade() -> None:
    op.drop_index(op.f("ix_vault_entries_tenant_subject"), table_name="vault_entries")
    op.drop_table("vault_entries")
    op.drop_table("vault_subjects")
    op.drop_index(op.f("ix_vault_messages_tenant_conversation"), table_name="vault_messages")
    op.drop_table("vault_messages")
    op.drop_index(op.f("ix_vault_conversations_expires_at"), table_name="vault_conversations")
    op.drop_table("vault_conversations")
    op.drop_table("vault_tenants")
