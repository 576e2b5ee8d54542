"""Egress: upstreams that administrators set.

Revision: 20261128_egress
Revises: 20261128_content
"""

from collections.abc import Sequence

revision: str = "20261128_egress"
down_revision: str | None = "20261128_content"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
