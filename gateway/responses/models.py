"""Tables of stored responses: a turn's input and answer, sealed by a data key of its own.

Nothing here can be read without the master key, which is in no database. Values that were
masked in a turn are named by keyed digests, so that erasing one finds the turns that hold it.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class StoredResponse(Base):
    """One turn."""

    __tablename__ = "stored_responses"
    __table_args__ = (
        Index(None, "tenant", "thread"),
        Index(None, "tenant", "key_id"),
        Index(None, "expires_at"),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(40))
    thread: Mapped[str] = mapped_column(String(64))  # the first response of its chain
    previous_id: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(40))  # its own, in vault_data_keys
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)  # of the sealed bytes
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StoredResponseSubject(Base):
    """A value that was masked in a turn, by its keyed digest (``TenantKeys.subject``)."""

    __tablename__ = "stored_response_subjects"
    __table_args__ = (Index(None, "tenant", "subject"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    response_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
