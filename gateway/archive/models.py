"""The table of stored bodies, sealed by data keys of the vault.

A body belongs to one audit record, which holds the digest of its sealed bytes. Nothing here
can be read without the master key, which is in no database.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class AuditBody(Base):
    """The prompt or the answer of a request, masked and sealed."""

    __tablename__ = "audit_bodies"
    __table_args__ = (Index(None, "tenant", "key_id"), Index(None, "expires_at"))

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[str] = mapped_column(String(8), primary_key=True)  # prompt | answer
    key_id: Mapped[str] = mapped_column(String(40))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # null once it was removed
    size: Mapped[int] = mapped_column(BigInteger)  # of the sealed bytes
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_by: Mapped[str | None] = mapped_column(String(64))  # retention, lost or an erasure's id
