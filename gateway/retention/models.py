"""Tables of what was removed from the trail, and of what must not be."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class AuditHold(Base):
    """A legal hold: what it matches is neither removed nor erased until it is released."""

    __tablename__ = "audit_holds"
    __table_args__ = (Index(None, "tenant", "released_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # inclusive
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # exclusive
    end_user: Mapped[str | None] = mapped_column(String(64))  # an end user's pseudonym
    actor: Mapped[str | None] = mapped_column(String(64))  # who administered
    request_ids: Mapped[Any | None] = mapped_column(JSON)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by: Mapped[str | None] = mapped_column(String(64))
    release_reason: Mapped[str | None] = mapped_column(Text)


class AuditErasure(Base):
    """A signed statement that what could be opened of one person was destroyed."""

    __tablename__ = "audit_erasures"
    __table_args__ = (Index(None, "tenant", "owner"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))  # the person's pseudonym
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    bodies: Mapped[int] = mapped_column(BigInteger)
    conversations: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
