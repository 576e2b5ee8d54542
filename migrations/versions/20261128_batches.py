"""Batches.

Revision: 20261128_batches
Revises: 20261128_responses
"""

from collections.abc import Sequence

revision: str = "20261128_batches"
down_revision: str | None = "20261128_responses"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
