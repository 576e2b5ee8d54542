"""The table of the tenants' recognizers.

Deny lists and allow lists are personal data, so a definition is stored sealed; in clear stand
its name, its type and its version.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class TenantRecognizer(Base):
    __tablename__ = "tenant_recognizers"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.name"))
    name: Mapped[str] = mapped_column(String(63))
    entity: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int]  # rises by one with every change
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
