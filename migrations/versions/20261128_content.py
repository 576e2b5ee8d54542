"""Content: sealed bodies with their own retention, legal holds, retention of records.

Revision: 20261128_content
Revises: 20261128_audit
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261128_content"
down_revision: str | None = "20261128_audit"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_TABLES = (
    "vault_users",
    "audit_erasures",
    "audit_prunings",
    "audit_holds",
    "audit_bodies",
    "vault_data_keys",
)


def upgrade() -> None:
    _create_bodies()
    _create_statements()
    op.create_table(
        "audit_holds",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("end_user", sa.String(length=64), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("request_ids", sa.JSON(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_holds")),
    )
    op.create_index(
        op.f("ix_audit_holds_tenant_released_at"), "audit_holds", ["tenant", "released_at"]
    )
    op.create_table(
        "vault_users",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("end_user", sa.String(length=64), nullable=False),
        sa.Column("conversation", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "end_user", "conversation", name=op.f("pk_vault_users")),
    )
    op.create_index(
        op.f("ix_vault_users_tenant_conversation"), "vault_users", ["tenant", "conversation"]
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)


def _create_bodies() -> None:
    op.create_table(
        "vault_data_keys",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_vault_data_keys")),
    )
    op.create_index(op.f("ix_vault_data_keys_tenant_owner"), "vault_data_keys", ["tenant", "owner"])
    op.create_table(
        "audit_bodies",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("removed_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "request_id", "part", name=op.f("pk_audit_bodies")),
    )
    op.create_index(op.f("ix_audit_bodies_tenant_key_id"), "audit_bodies", ["tenant", "key_id"])
    op.create_index(op.f("ix_audit_bodies_expires_at"), "audit_bodies", ["expires_at"])


def _create_statements() -> None:
    op.create_table(
        "audit_prunings",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.Column("frontier", sa.Text(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "last_seq", name=op.f("pk_audit_prunings")),
    )
    op.create_table(
        "audit_erasures",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("bodies", sa.BigInteger(), nullable=False),
        sa.Column("conversations", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_audit_erasures")),
    )
    op.create_index(op.f("ix_audit_erasures_tenant_owner"), "audit_erasures", ["tenant", "owner"])
