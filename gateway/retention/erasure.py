"""Erasing one person: the keys of what is kept of them are destroyed, in old copies too.

Their bodies, what their conversations remember, and values that are named besides. The records
stay, under the pseudonym: docs/content.md lists what remains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import isoformat
from core.database import Database
from core.ids import new_id
from gateway.archive.repository import ArchiveRepository
from gateway.audit.keys import SigningKey
from gateway.responses.repository import ResponseRepository
from gateway.retention.errors import LegalHold
from gateway.retention.holds import Holds
from gateway.retention.models import AuditErasure
from gateway.retention.statements import ErasureStatement
from gateway.vault.erasure import change_keys, erase_conversations, erase_subjects, rewrap_all
from gateway.vault.keys import TenantKeys
from gateway.vault.repository import VaultRepository
from gateway.vault.wrapping import KeyWrapper


@dataclass(frozen=True, slots=True)
class Person:
    """Who is erased.

    Args:
        pseudonym: ``eu_...``, as records have it.
        values: names, addresses and the like of the person, in clear; they are not kept.
    """

    pseudonym: str
    values: tuple[str, ...] = ()


async def erase_person(
    session: AsyncSession,
    wrapper: KeyWrapper,
    key: SigningKey,
    tenant: str,
    person: Person,
    *,
    reason: str,
    now: datetime,
) -> ErasureStatement:
    """Destroy the person's keys and leave a signed statement, also if there was nothing.

    Begins the master key's rotation; the caller appends the record of the action and, after the
    commit, calls ``finish_erasure``.

    Raises:
        LegalHold: something of the person is held; nothing is erased.
    """
    holds = Holds(session, tenant)
    await holds.lock()
    await _refuse_held(holds, person.pseudonym)
    keys = await _locked_keys(session, wrapper, tenant)
    erasure_id = new_id("era")
    conversations = entries = 0
    if keys is not None:
        conversations, entries = await erase_conversations(session, keys, person.pseudonym)
        entries += await erase_subjects(session, keys, person.values)
    bodies = await _erase_responses(session, tenant, keys, person)
    bodies += await ArchiveRepository(session, tenant).erase_owner(
        person.pseudonym, erasure_id, now
    )
    statement = ErasureStatement.signed_by(
        key,
        tenant=tenant,
        id=erasure_id,
        owner=person.pseudonym,
        time=isoformat(now),
        bodies=bodies,
        conversations=conversations,
        entries=entries,
        reason=reason,
    )
    values = {name: getattr(statement, name) for name in statement.__dataclass_fields__}
    session.add(AuditErasure(**{**values, "time": now}))
    await session.flush()
    if keys is not None:
        await change_keys(session, wrapper, keys)
    return statement


async def _erase_responses(
    session: AsyncSession, tenant: str, keys: TenantKeys | None, person: Person
) -> int:
    """Stored responses of the person, and those in which one of the values was masked."""
    responses = ResponseRepository(session, tenant)
    gone = await responses.erase_owner(person.pseudonym)
    if keys is not None and person.values:
        gone += await responses.erase_subjects(map(keys.subject, person.values))
    return gone


async def finish_erasure(database: Database, wrapper: KeyWrapper) -> None:
    """Destroy the old master key, once no tenant needs it: none made meanwhile either."""
    if wrapper.can_rotate:
        async with database.transaction() as session:
            await rewrap_all(session, wrapper)
        wrapper.finish_rotation()


async def refuse_if_held(session: AsyncSession, tenant: str) -> None:
    """For what would destroy everything of a tenant.

    Raises:
        LegalHold
    """
    holds = Holds(session, tenant)
    await holds.lock()
    if in_force := await holds.in_force():
        raise _held([hold.id for hold in in_force])


async def _refuse_held(holds: Holds, pseudonym: str) -> None:
    if held_by := await holds.matching(pseudonym, await holds.in_force()):
        raise _held(held_by)


def _held(held_by: Sequence[str]) -> LegalHold:
    return LegalHold(
        f"Nothing was erased: legal hold {', '.join(held_by)} covers it. Release the hold first.",
        holds=list(held_by),
    )


async def _locked_keys(
    session: AsyncSession, wrapper: KeyWrapper, tenant: str
) -> TenantKeys | None:
    row = await VaultRepository(session, tenant).tenant(change=True)
    return None if row is None else wrapper.unwrap(tenant, row.generation, row.wrapped)
