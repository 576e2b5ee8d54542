"""The SQL of the vault; every query takes the tenant's scope, but for the rotation of keys.

It moves sealed rows and knows no key.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.batches import insert_new, put_rows
from core.database import Base
from core.parts import parts
from gateway.vault.models import (
    VaultConversation,
    VaultDataKey,
    VaultEntry,
    VaultMessage,
    VaultSubject,
    VaultTenant,
    VaultUser,
)

TABLES = (
    VaultEntry,
    VaultSubject,
    VaultMessage,
    VaultUser,
    VaultConversation,
    VaultDataKey,
    VaultTenant,
)


class SealedEntry(NamedTuple):
    """A stored entry beside its subject's wrapped key."""

    conversation: str
    slot: str
    subject: str
    sealed: bytes
    wrapped: bytes


class VaultRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def tenant(self, *, lock: bool = False, change: bool = False) -> VaultTenant | None:
        """The tenant's wrapped keys; ``lock`` keeps them from being changed until the commit.

        Whoever means to ``change`` them waits for those who rely on them.
        """
        query = select(VaultTenant).where(VaultTenant.tenant == self._tenant)
        if lock or change:
            query = query.with_for_update(read=not change)
        query = query.execution_options(populate_existing=True)
        return (await self._session.scalars(query)).one_or_none()

    async def add_tenant(self, wrapped: bytes, generation: str, now: datetime) -> None:
        """Unless another process was first."""
        row = {"wrapped": wrapped, "generation": generation, "created_at": now}
        await self._insert(VaultTenant, [row])

    async def change_tenant(self, wrapped: bytes, generation: str) -> None:
        await self._session.execute(
            update(VaultTenant)
            .where(VaultTenant.tenant == self._tenant)
            .values(wrapped=wrapped, generation=generation)
        )

    async def conversation_of(self, digests: Sequence[str], now: datetime) -> str | None:
        """The live conversation of the first of these messages that is known."""
        for part in parts(digests):
            query = (
                select(VaultMessage.digest, VaultMessage.conversation)
                .join(
                    VaultConversation,
                    (VaultConversation.tenant == VaultMessage.tenant)
                    & (VaultConversation.id == VaultMessage.conversation),
                )
                .where(
                    VaultMessage.tenant == self._tenant,
                    VaultMessage.digest.in_(part),
                    VaultConversation.expires_at > now,
                )
            )
            known = {row.digest: row.conversation for row in await self._session.execute(query)}
            if known:
                return next(known[digest] for digest in part if digest in known)
        return None

    async def entries_of(self, conversation: str, now: datetime) -> list[SealedEntry]:
        """A live conversation's entries in the order of their issue."""
        query = (
            self._entries()
            .join(
                VaultConversation,
                (VaultConversation.tenant == VaultEntry.tenant)
                & (VaultConversation.id == VaultEntry.conversation),
            )
            .where(VaultEntry.conversation == conversation, VaultConversation.expires_at > now)
            .order_by(VaultEntry.created_at, VaultEntry.slot)
        )
        return [SealedEntry(*row) for row in await self._session.execute(query)]

    async def entries_of_subject(self, subject: str) -> list[SealedEntry]:
        query = self._entries().where(VaultEntry.subject == subject)
        return [SealedEntry(*row) for row in await self._session.execute(query)]

    async def entries_beside(self, conversations: Iterable[str]) -> list[SealedEntry]:
        query = self._entries().where(VaultEntry.conversation.in_(sorted(set(conversations))))
        return [SealedEntry(*row) for row in await self._session.execute(query)]

    async def drop_expired(self, conversations: Iterable[str], now: datetime) -> None:
        """Those of them that have expired: using their name again must not revive them."""
        for part in parts(sorted(conversations)):
            query = select(VaultConversation.id).where(
                VaultConversation.tenant == self._tenant,
                VaultConversation.id.in_(part),
                VaultConversation.expires_at <= now,
            )
            for conversation in (await self._session.scalars(query)).all():
                await _drop_conversation(self._session, self._tenant, conversation)

    async def keep_conversations(
        self, conversations: Iterable[str], now: datetime, expires: datetime
    ) -> None:
        """Make them, or let them live on."""
        rows = [
            {"tenant": self._tenant, "id": name, "created_at": now, "expires_at": expires}
            for name in sorted(conversations)
        ]
        await put_rows(self._session, _table(VaultConversation), rows, ("expires_at",))

    async def keep_messages(self, messages: Mapping[str, str]) -> None:
        """Conversation by digest; the latest conversation of a message counts."""
        rows = [
            {"tenant": self._tenant, "digest": digest, "conversation": messages[digest]}
            for digest in sorted(messages)
        ]
        await put_rows(self._session, _table(VaultMessage), rows, ("conversation",))

    async def subjects(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Wrapped keys by subject."""
        found: dict[str, bytes] = {}
        for part in parts(sorted(ids)):
            query = select(VaultSubject.id, VaultSubject.wrapped).where(
                VaultSubject.tenant == self._tenant, VaultSubject.id.in_(part)
            )
            found.update({row.id: row.wrapped for row in await self._session.execute(query)})
        return found

    async def add_subjects(self, wrapped: Mapping[str, bytes], now: datetime) -> set[str]:
        """Returns those that were added; another process was first with the others."""
        rows = [
            {"tenant": self._tenant, "id": subject, "wrapped": wrapped[subject], "created_at": now}
            for subject in sorted(wrapped)
        ]
        table = _table(VaultSubject)
        return {subject for (subject,) in await insert_new(self._session, table, rows, table.c.id)}

    async def change_subjects(self, wrapped: Mapping[str, bytes]) -> None:
        for subject, key in wrapped.items():
            await self._session.execute(
                update(VaultSubject)
                .where(VaultSubject.tenant == self._tenant, VaultSubject.id == subject)
                .values(wrapped=key)
            )

    async def data_keys(self) -> dict[str, bytes]:
        """Wrapped keys of bodies by id."""
        query = select(VaultDataKey.id, VaultDataKey.wrapped).where(
            VaultDataKey.tenant == self._tenant
        )
        return {row.id: row.wrapped for row in await self._session.execute(query)}

    async def change_data_keys(self, wrapped: Mapping[str, bytes]) -> None:
        for key_id, key in wrapped.items():
            await self._session.execute(
                update(VaultDataKey)
                .where(VaultDataKey.tenant == self._tenant, VaultDataKey.id == key_id)
                .values(wrapped=key)
            )

    async def keep_users(self, users: Iterable[tuple[str, str]]) -> None:
        """``(end user, conversation)``: whom a conversation served."""
        rows = [{"end_user": name, "conversation": place} for name, place in sorted(set(users))]
        await self._insert(VaultUser, rows)

    async def conversations_of_user(self, end_user: str) -> list[str]:
        query = select(VaultUser.conversation).where(
            VaultUser.tenant == self._tenant, VaultUser.end_user == end_user
        )
        return list(await self._session.scalars(query))

    async def drop_conversations(self, conversations: Iterable[str]) -> None:
        for conversation in conversations:
            await _drop_conversation(self._session, self._tenant, conversation)

    async def reseal(self, entries: Iterable[tuple[str, str, bytes]]) -> None:
        """``(conversation, slot, sealed)``: entries under another key of their subject."""
        for conversation, slot, sealed in entries:
            await self._session.execute(
                update(VaultEntry)
                .where(
                    VaultEntry.tenant == self._tenant,
                    VaultEntry.conversation == conversation,
                    VaultEntry.slot == slot,
                )
                .values(sealed=sealed)
            )

    async def all_subjects(self) -> dict[str, bytes]:
        query = select(VaultSubject.id, VaultSubject.wrapped).where(
            VaultSubject.tenant == self._tenant
        )
        return {row.id: row.wrapped for row in await self._session.execute(query)}

    async def add_entries(self, rows: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
        """Returns ``(conversation, slot)`` of those that were added; others were taken."""
        full = [{"tenant": self._tenant, **row} for row in rows]
        table = _table(VaultEntry)
        added = await insert_new(self._session, table, full, table.c.conversation, table.c.slot)
        return {(conversation, slot) for conversation, slot in added}

    async def erase_subjects(self, subjects: Sequence[str]) -> int:
        """Their keys and entries; returns the number of entries."""
        own = VaultEntry.tenant == self._tenant, VaultEntry.subject.in_(subjects)
        gone = await self._session.execute(delete(VaultEntry).where(*own))
        await self._session.execute(
            delete(VaultSubject).where(
                VaultSubject.tenant == self._tenant, VaultSubject.id.in_(subjects)
            )
        )
        return _count(gone)

    async def erase_tenant(self) -> int:
        """Everything of the tenant; returns the number of entries."""
        entries = 0
        for table in TABLES:
            gone = await self._session.execute(delete(table).where(table.tenant == self._tenant))
            entries += _count(gone) if table is VaultEntry else 0
        return entries

    async def figures(self, now: datetime) -> dict[str, int]:
        """How much of what a tenant has."""
        counts: dict[str, int] = {}
        for name, table in (
            ("conversations", VaultConversation),
            ("messages", VaultMessage),
            ("subjects", VaultSubject),
            ("entries", VaultEntry),
        ):
            query = select(func.count()).select_from(table).where(table.tenant == self._tenant)
            counts[name] = await self._session.scalar(query) or 0
        expired = (
            select(func.count())
            .select_from(VaultConversation)
            .where(VaultConversation.tenant == self._tenant, VaultConversation.expires_at <= now)
        )
        counts["expired_conversations"] = await self._session.scalar(expired) or 0
        return counts

    def _entries(self) -> Any:
        return (
            select(
                VaultEntry.conversation,
                VaultEntry.slot,
                VaultEntry.subject,
                VaultEntry.sealed,
                VaultSubject.wrapped,
            )
            .join(
                VaultSubject,
                (VaultSubject.tenant == VaultEntry.tenant)
                & (VaultSubject.id == VaultEntry.subject),
            )
            .where(VaultEntry.tenant == self._tenant)
        )

    async def _insert(self, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
        full = [{"tenant": self._tenant, **row} for row in rows]
        await insert_new(self._session, _table(model), full)


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


async def all_tenants(session: AsyncSession, *, lock: bool = False) -> list[VaultTenant]:
    """Every tenant's wrapped keys: for the rotation of the master key."""
    query = select(VaultTenant).order_by(VaultTenant.tenant)
    query = query.execution_options(populate_existing=True)
    return list((await session.scalars(query.with_for_update() if lock else query)).all())


async def generations(session: AsyncSession) -> dict[str, str]:
    """The generation of each tenant's keys."""
    query = select(VaultTenant.tenant, VaultTenant.generation)
    return {row.tenant: row.generation for row in await session.execute(query)}


async def purge_expired(session: AsyncSession, now: datetime) -> int:
    """Remove what has expired, of all tenants; returns the number of conversations."""
    expired = select(VaultConversation.tenant, VaultConversation.id).where(
        VaultConversation.expires_at <= now
    )
    pairs = [(row.tenant, row.id) for row in await session.execute(expired)]
    for tenant, conversation in pairs:
        await _drop_conversation(session, tenant, conversation)
    if pairs:
        used = (
            select(VaultEntry.subject)
            .where(VaultEntry.tenant == VaultSubject.tenant, VaultEntry.subject == VaultSubject.id)
            .exists()
        )
        await session.execute(delete(VaultSubject).where(~used))
    return len(pairs)


async def _drop_conversation(session: AsyncSession, tenant: str, conversation: str) -> None:
    for table, column in (
        (VaultEntry, VaultEntry.conversation),
        (VaultMessage, VaultMessage.conversation),
        (VaultUser, VaultUser.conversation),
        (VaultConversation, VaultConversation.id),
    ):
        await session.execute(delete(table).where(table.tenant == tenant, column == conversation))


def _count(result: Any) -> int:
    return max(result.rowcount, 0)
