"""Tables of the vault: keys wrapped by keys, and what they seal.

No value stands here, in clear or as a plain hash: subjects and messages are named by keyed
digests of the tenant, stand-ins and values are sealed together.
"""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime


class VaultTenant(Base):
    """A tenant's keys, wrapped by the master key. Without this row nothing of it opens."""

    __tablename__ = "vault_tenants"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    generation: Mapped[str] = mapped_column(String(40))  # changes with the keys
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VaultConversation(Base):
    __tablename__ = "vault_conversations"
    __table_args__ = (Index(None, "expires_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VaultMessage(Base):
    """A message seen, by its keyed digest: how a conversation is recognised again."""

    __tablename__ = "vault_messages"
    __table_args__ = (Index(None, "tenant", "conversation"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation: Mapped[str] = mapped_column(String(64))


class VaultUser(Base):
    """Which end users, by pseudonym, a conversation served: what is erased with one of them."""

    __tablename__ = "vault_users"
    __table_args__ = (Index(None, "tenant", "conversation"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    end_user: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation: Mapped[str] = mapped_column(String(64), primary_key=True)


class VaultSubject(Base):
    """The key of one value, whichever conversations and types it stands in."""

    __tablename__ = "vault_subjects"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VaultDataKey(Base):
    """A key that seals bodies of one owner (``gateway.archive``)."""

    __tablename__ = "vault_data_keys"
    __table_args__ = (Index(None, "tenant", "owner"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))  # an end user's pseudonym, else an API key's id
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VaultEntry(Base):
    """One stand-in, sealed by its subject's key. ``slot`` names the stand-in: no two are alike."""

    __tablename__ = "vault_entries"
    __table_args__ = (Index(None, "tenant", "subject"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[str] = mapped_column(String(128), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
