"""Content: sealed bodies with their own retention, legal holds, retention of records.

Revision: 20261128_content
Revises: 20261128_audit
"""

from collections.abc import Sequence

revision: str = "20261128_content"
down_revision: str | None = "20261128_audit"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
