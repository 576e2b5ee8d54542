"""Recognizers: checked off the event loop, with audit records, in force at once.

Records hold keyed digests only: deny lists and allow lists are personal data.
"""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import TenantAccess
from gateway.admin.recognizers.schemas import (
    Problem,
    Recognizer,
    RecognizerCheck,
    RecognizerCreate,
    RecognizerList,
    RecognizerSource,
    RecognizerSummary,
    RecognizerUpdate,
    RecognizerVerdict,
)
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.recognizers import RecognizerService, StoredRecognizer
from gateway.tenants.service import TenantService
from guardrails.pii.custom import RecognizerSpec
from guardrails.pii.custom.errors import InvalidRecognizer


async def list_recognizers(services: AdminServices, tenant: str) -> RecognizerList:
    async with services.database.session() as session:
        stored = await _stored(services, session, tenant).all()
        policy = (await _tenants(services, session).get(tenant)).policy
    of_policy = services.privacy.policies[policy].pii.recognizers
    return RecognizerList(
        items=[
            *(_summary(each.spec, each) for each in stored),
            *(_summary(spec) for spec in of_policy),
        ]
    )


async def get_recognizer(services: AdminServices, tenant: str, recognizer_id: str) -> Recognizer:
    async with services.database.session() as session:
        return _view(await _stored(services, session, tenant).get(recognizer_id))


async def create_recognizer(
    services: AdminServices, access: TenantAccess, body: RecognizerCreate
) -> Recognizer:
    await _require_fit(body.definition)
    async with services.database.transaction() as session:
        await _tenants(services, session).lock(access.tenant)  # the count must hold
        stored = await _stored(services, session, access.tenant).create(body.definition)
        await _record(services, session, access, "recognizer.create", after=stored)
    services.privacy.recognizers.invalidate(access.tenant)
    return _view(stored)


async def update_recognizer(
    services: AdminServices, access: TenantAccess, recognizer_id: str, body: RecognizerUpdate
) -> Recognizer:
    await _require_fit(body.definition)
    async with services.database.transaction() as session:
        rows = _stored(services, session, access.tenant)
        before, after = await rows.replace(recognizer_id, body.version, body.definition)
        await _record(services, session, access, "recognizer.update", before=before, after=after)
    services.privacy.recognizers.invalidate(access.tenant)
    return _view(after)


async def delete_recognizer(
    services: AdminServices, access: TenantAccess, recognizer_id: str, version: int | None
) -> None:
    async with services.database.transaction() as session:
        rows = _stored(services, session, access.tenant)
        before = await rows.delete(recognizer_id, version)
        await _record(services, session, access, "recognizer.delete", before=before)
    services.privacy.recognizers.invalidate(access.tenant)


async def check_recognizer(body: RecognizerCheck) -> RecognizerVerdict:
    problems = await _problems(body.definition)
    return RecognizerVerdict(
        problems=[
            Problem(code=each.code, message=each.message, param=f"definition.{each.param}")
            for each in problems
        ]
    )


def _stored(services: AdminServices, session: AsyncSession, tenant: str) -> RecognizerService:
    return RecognizerService(session, tenant, services.clock, services.privacy.sealer)


def _tenants(services: AdminServices, session: AsyncSession) -> TenantService:
    return TenantService(session, services.clock, services.policies)


async def _problems(spec: RecognizerSpec) -> list[InvalidRecognizer]:
    """What is wrong with a definition; compiling and trying out thousands takes a while."""
    from guardrails.pii.custom.check import check

    return await asyncio.to_thread(check, spec)


async def _require_fit(spec: RecognizerSpec) -> None:
    for problem in await _problems(spec):
        raise type(problem)(problem.message, param=f"definition.{problem.param}")


async def _record(
    services: AdminServices,
    session: AsyncSession,
    access: TenantAccess,
    action: str,
    *,
    before: StoredRecognizer | None = None,
    after: StoredRecognizer | None = None,
) -> None:
    concerned = after or before
    assert concerned is not None
    await record(
        services,
        session,
        access.actor,
        action=action,
        target=concerned.id,
        tenant=access.tenant,
        before=_named(services, before),
        after=_named(services, after),
    )


def _named(services: AdminServices, stored: StoredRecognizer | None) -> dict[str, Any] | None:
    """What the record's digest is of: without the pepper nobody can guess a list's values."""
    if stored is None:
        return None
    return {
        "id": stored.id,
        "version": stored.version,
        "content": services.privacy.sealer.digest(stored.spec.model_dump_json()),
    }


def _summary(spec: RecognizerSpec, stored: StoredRecognizer | None = None) -> RecognizerSummary:
    allow = spec.allow_list
    return RecognizerSummary(
        id=None if stored is None else stored.id,
        source=RecognizerSource.POLICY if stored is None else RecognizerSource.DATABASE,
        name=spec.name,
        entity=spec.entity,
        languages=list(spec.languages),
        patterns=len(spec.patterns),
        denied_values=len(spec.deny_list.values) if spec.deny_list else 0,
        allowed_values=len(allow.values) + len(allow.patterns) if allow else 0,
        context_words=len(spec.context.words) if spec.context else 0,
        version=1 if stored is None else stored.version,
        updated_at=None if stored is None else stored.updated_at,
    )


def _view(stored: StoredRecognizer) -> Recognizer:
    return Recognizer(
        id=stored.id,
        tenant=stored.tenant,
        version=stored.version,
        definition=stored.spec,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
