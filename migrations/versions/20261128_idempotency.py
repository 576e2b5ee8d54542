"""Idempotency.

Revision: 20261128_idempotency
Revises: 20261128_batches
"""

from collections.abc import Sequence

revision: str = "20261128_idempotency"
down_revision: str | None = "20261128_batches"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
