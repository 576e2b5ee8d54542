"""Erasing: destroy the key of one value or of a whole tenant, so that nothing of it opens again.

Deleting rows is not enough: their bytes stay in free pages, write-ahead logs and backups. So the
keys above are changed as well, up to the master key, which is in no database: every remaining
key is wrapped anew, and what an old copy of the rows would need no longer exists.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.responses.repository import ResponseRepository
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import TenantKeys, new_key, rewrap_data_key
from gateway.vault.repository import SealedEntry, VaultRepository, all_tenants
from gateway.vault.sealing import open_entry, reseal_entry
from gateway.vault.wrapping import KeyWrapper
from guardrails.pii.masking.memory import Remembered

_WORD = re.compile(r"[^\W_]+")
_SHORTEST_ALIAS = 3


@dataclass(frozen=True, slots=True)
class Alias:
    """Another value of the same person, by its kind and place; never the value."""

    entity_type: str
    conversation: str
    slot: str
    subject: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased.

    Args:
        subject: keyed name of the value, for the audit trail.
        aliases: what stands beside it and shares a word with it, erased or not.
    """

    subject: str
    entries: int
    conversations: int
    aliases: tuple[Alias, ...]


async def erase_value(
    session: AsyncSession, master: KeyWrapper, tenant: str, value: str, *, aliases: bool
) -> Erasure | None:
    """Destroy a value's key; ``None`` if the tenant's vault does not have it.

    Begins the master key's rotation; after the commit the caller calls ``rewrap_all`` and, after
    that one's commit, ``finish_rotation``.

    Args:
        aliases: also those values that stand in the same conversations and share a word.
    """
    repository = VaultRepository(session, tenant)
    row = await repository.tenant(change=True)
    if row is None:
        return None
    keys = master.unwrap(tenant, row.generation, row.wrapped)
    subject = keys.subject(value)
    entries = await repository.entries_of_subject(subject)
    responses = ResponseRepository(session, tenant)
    if not entries and not await responses.holds(subject):
        return None
    conversations = {entry.conversation for entry in entries}
    found = _aliases(keys, subject, value, await repository.entries_beside(conversations))
    doomed = {subject, *(alias.subject for alias in found if aliases)}
    count = await repository.erase_subjects(sorted(doomed))
    await responses.erase_subjects(doomed)
    master.begin_rotation()
    await _change_keys(session, master, keys)
    return Erasure(subject, count, len(conversations), found)


async def erase_conversations(
    session: AsyncSession, keys: TenantKeys, end_user: str
) -> tuple[int, int]:
    """Destroy what an end user's conversations remember: how many conversations and entries.

    A value that stands in somebody else's conversation as well stays there, under a new key, so
    that no old copy of the end user's rows opens. The caller changes the keys above.
    """
    repository = VaultRepository(session, keys.tenant)
    conversations = sorted(set(await repository.conversations_of_user(end_user)))
    doomed = await repository.entries_beside(conversations)
    await repository.drop_conversations(conversations)
    for subject in sorted({entry.subject for entry in doomed}):
        left = await repository.entries_of_subject(subject)
        if left:
            await _rekey(repository, keys, subject, left)
        else:
            await repository.erase_subjects([subject])
    return len(conversations), len(doomed)


async def erase_subjects(session: AsyncSession, keys: TenantKeys, values: Iterable[str]) -> int:
    """Destroy the keys of values in clear; how many entries. The caller changes the keys above."""
    subjects = sorted({keys.subject(value) for value in values})
    return await VaultRepository(session, keys.tenant).erase_subjects(subjects) if subjects else 0


async def change_keys(session: AsyncSession, master: KeyWrapper, keys: TenantKeys) -> None:
    """After something was erased: other keys above all that is left of the tenant.

    Begins the master key's rotation, which ``finish`` ends after the commit.
    """
    master.begin_rotation()
    await _change_keys(session, master, keys)


async def _rekey(
    repository: VaultRepository, keys: TenantKeys, subject: str, rows: list[SealedEntry]
) -> None:
    key = new_key()
    resealed = [(row.conversation, row.slot, reseal_entry(keys, row, key)) for row in rows]
    await repository.reseal((at, slot, sealed) for at, slot, sealed in resealed if sealed)
    await repository.change_subjects({subject: keys.wrap(subject, key)})


async def erase_tenant(session: AsyncSession, master: KeyWrapper, tenant: str) -> Erasure | None:
    """Destroy a tenant's keys and rows; ``None`` if it has none."""
    repository = VaultRepository(session, tenant)
    if await repository.tenant(change=True) is None:
        return None
    await ResponseRepository(session, tenant).erase_all()
    count = await repository.erase_tenant()
    master.begin_rotation()
    await rewrap_all(session, master)
    return Erasure(tenant, count, 0, ())


async def rewrap_all(session: AsyncSession, master: KeyWrapper) -> None:
    """Every tenant's keys under the newest master key; an older one is not needed then."""
    if not master.can_rotate:
        return
    for row in await all_tenants(session, lock=True):
        try:
            keys = master.unwrap(row.tenant, row.generation, row.wrapped)
        except VaultKeyUnusable:
            continue  # it opens with none of the keys there are: nothing to save
        repository = VaultRepository(session, row.tenant)
        await repository.change_tenant(master.wrap(keys), row.generation)


async def _change_keys(session: AsyncSession, master: KeyWrapper, keys: TenantKeys) -> None:
    """Another wrapping key for the tenant's remaining subjects, under another master key."""
    repository = VaultRepository(session, keys.tenant)
    changed = keys.rewrapped()
    stored = await repository.all_subjects()
    await repository.change_subjects(
        {
            subject: changed.wrap(subject, keys.unwrap(subject, wrapped))
            for subject, wrapped in stored.items()
        }
    )
    bodies = await repository.data_keys()
    await repository.change_data_keys(
        {
            key_id: rewrap_data_key(keys, changed, key_id, wrapped)
            for key_id, wrapped in bodies.items()
        }
    )
    await repository.change_tenant(master.wrap(changed), changed.generation)
    await rewrap_all(session, master)


def _aliases(
    keys: TenantKeys, subject: str, value: str, rows: Iterable[SealedEntry]
) -> tuple[Alias, ...]:
    """What beside the value has a word of it: "Vogel", greta.vogel@..."""
    words = _words(value)
    found: list[Alias] = []
    for row in rows:
        if row.subject == subject:
            continue
        entry: Remembered | None = open_entry(keys, row)
        if entry is not None and words & _words(entry.value):
            slot = row.slot.partition(":")[0]
            found.append(Alias(entry.entity_type, row.conversation, slot, row.subject))
    return tuple(found)


def _words(value: str) -> set[str]:
    local = value.partition("@")[0]
    words = (word.casefold() for word in _WORD.findall(local))
    return {word for word in words if len(word) >= _SHORTEST_ALIAS or not word.isascii()}
