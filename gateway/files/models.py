"""Tables of uploaded files, sealed by data keys of the vault.

Neither name nor content stands here in clear, and nothing opens without the master key, which
is in no database.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class File(Base):
    """What a client uploaded or a batch wrote."""

    __tablename__ = "files"
    __table_args__ = (Index(None, "tenant", "project_id", "created_at"), Index(None, "expires_at"))

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(40))  # the API key that made it
    data_key: Mapped[str] = mapped_column(String(40))  # of ``vault_data_keys``
    purpose: Mapped[str] = mapped_column(String(32))
    name: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    size: Mapped[int] = mapped_column(BigInteger)  # of the content in clear
    status: Mapped[str] = mapped_column(String(16))  # uploading | processed
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FileChunk(Base):
    """A piece of a file's content; all but the last one are of the same length."""

    __tablename__ = "file_chunks"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    file_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
