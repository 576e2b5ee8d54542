"""Tables of batches and of their lines."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class Batch(Base):
    """A file of requests that is worked through in the background."""

    __tablename__ = "batches"
    __table_args__ = (Index(None, "tenant", "project_id", "created_at"), Index(None, "status"))

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(40))  # whose limits and budget its lines have
    data_key: Mapped[str] = mapped_column(String(40))  # of ``vault_data_keys``
    endpoint: Mapped[str] = mapped_column(String(64))
    completion_window: Mapped[str] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(16))
    job_id: Mapped[str | None] = mapped_column(String(40))
    input_file_id: Mapped[str] = mapped_column(String(40))
    output_file_id: Mapped[str | None] = mapped_column(String(40))
    error_file_id: Mapped[str | None] = mapped_column(String(40))
    output_expires_s: Mapped[int | None] = mapped_column(Integer)
    labels: Mapped[bytes | None] = mapped_column(LargeBinary)  # the client's metadata, sealed
    # Of the input file; or, of a batch that ended early, how many lines were not asked.
    problems: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    total: Mapped[int] = mapped_column(Integer)
    completed: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    in_progress_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelling_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finalizing_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BatchLine(Base):
    """One request of a batch: where it stands in the input file, and what came of it."""

    __tablename__ = "batch_lines"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(BigInteger)  # bytes
    length: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer)  # counted before the request goes out
    succeeded: Mapped[bool | None] = mapped_column()  # null while there is no answer
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # its line of the output file
