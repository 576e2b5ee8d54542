"""Responses.

Revision: 20261128_responses
Revises: 20261128_egress
"""

from collections.abc import Sequence

revision: str = "20261128_responses"
down_revision: str | None = "20261128_egress"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
