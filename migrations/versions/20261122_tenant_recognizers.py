"""Recognizers of the tenants, sealed.

Revision: 20261122_tenant_recognizers
Revises: 20261121_initial
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision: str = "20261122_tenant_recognizers"
down_revision: str | None = "20261121_initial"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "tenant_recognizers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_tenant_recognizers_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_recognizers")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_tenant_recognizers_tenant_name")),
    )


def downgrade() -> None:
    op.drop_table("tenant_recognizers")
