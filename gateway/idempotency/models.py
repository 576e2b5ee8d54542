"""The table of idempotency keys and of the answers that belong to them."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class IdempotencyKey(Base):
    """A key that a client sent; names and requests only as keyed digests, the answer sealed."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "expires_at"), Index(None, "holder"))

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)  # the API key
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(8))  # running | done | dropped
    holder: Mapped[str | None] = mapped_column(String(64))  # the process that serves it
    held_until: Mapped[datetime] = mapped_column(UtcDateTime)
    generation: Mapped[str | None] = mapped_column(String(40))  # of the tenant's keys
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
