"""Tables of the audit trail: records, one head per tenant, signed checkpoints."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class AuditRecord(Base):
    """One link of a tenant's chain; ``body`` is the canonical JSON that was hashed."""

    __tablename__ = "audit_records"
    __table_args__ = (
        UniqueConstraint("tenant", "request_id"),
        Index("ix_audit_records_tenant_time", "tenant", "time"),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    request_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))  # request | admin
    time: Mapped[datetime] = mapped_column(UtcDateTime)  # when it joined the chain
    body: Mapped[str] = mapped_column(Text)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The end of a tenant's chain; its row lock orders concurrent writers."""

    __tablename__ = "audit_heads"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    checkpoint_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class AuditCheckpoint(Base):
    """A signed statement that records 1 to ``seq`` of a tenant end in ``hash``."""

    __tablename__ = "audit_checkpoints"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    key_id: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
    root: Mapped[str | None] = mapped_column(String(64))  # null: made before Merkle trees
    previous_seq: Mapped[int | None] = mapped_column(BigInteger)  # 0: the first with a tree
    # The tree's frontier, 32 bytes each: what the next checkpoint goes on from. Not
    # signed itself, but it must lead to the signed root.
    peaks: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditTile(Base):
    """The root of records ``number`` x 1,024 + 1 and the 1,023 behind it: for short proofs."""

    __tablename__ = "audit_tiles"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(64))


class AuditSuccession(Base):
    """A key's statement about its one successor, signed by both."""

    __tablename__ = "audit_successions"

    public_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    successor: Mapped[str] = mapped_column(String(64), unique=True)
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    signature: Mapped[str] = mapped_column(String(128))
    successor_signature: Mapped[str] = mapped_column(String(128))


class AuditStream(Base):
    """A stream of the settings, and which process works at it until when."""

    __tablename__ = "audit_streams"

    stream: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(64))
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditStreamCursor(Base):
    """How far a stream has delivered a tenant's chain."""

    __tablename__ = "audit_stream_cursors"

    stream: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


class AuditAnchor(Base):
    """Evidence that a checkpoint was known outside: one canonical line (anchors.py)."""

    __tablename__ = "audit_anchors"

    anchor: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    evidence: Mapped[str] = mapped_column(Text)


class AuditPruning(Base):
    """A signed statement that records up to ``last_seq`` were removed."""

    __tablename__ = "audit_prunings"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_hash: Mapped[str] = mapped_column(String(64))
    frontier: Mapped[str] = mapped_column(Text)  # Merkle peaks over them, hex, the largest first
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
