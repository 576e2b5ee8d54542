"""Stored bodies, holds, erasures: each call that opens or changes something leaves a record."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import TenantAccess
from gateway.admin.retention.schemas import (
    BodyFigures,
    BodyRead,
    BodyState,
    Erasure,
    ErasureCreate,
    Hold,
    HoldCreate,
    HoldList,
    HoldRelease,
    Pruning,
    Removals,
    StoredBodies,
    StoredBodyPart,
)
from gateway.admin.services import AdminServices
from gateway.admin.trail import masked_reason, record
from gateway.archive.reading import read_bodies
from gateway.archive.repository import ArchiveRepository
from gateway.pseudonyms import end_user_pseudonym
from gateway.retention import repository
from gateway.retention.erasure import Person, erase_person, finish_erasure
from gateway.retention.holds import Holds, HoldScope
from gateway.retention.models import AuditHold
from gateway.retention.statements import ErasureStatement
from gateway.tenants.errors import InvalidValue


async def open_body(
    services: AdminServices, access: TenantAccess, request_id: str, body: BodyRead
) -> StoredBodies:
    """Raises: BodyNotFound, BodyGone."""
    async with services.database.transaction() as session:
        parts = await read_bodies(session, services.trail.wrapper, access.tenant, request_id)
        states = {part.part: part.state for part in parts}
        await record(
            services,
            session,
            access.actor,
            action="audit.body.read",
            target=request_id,
            tenant=access.tenant,
            after=states,
            reason=body.reason,
        )
    items = [StoredBodyPart(**{**asdict(part), "state": BodyState(part.state)}) for part in parts]
    return StoredBodies(request_id=request_id, parts=items)


async def list_holds(services: AdminServices, access: TenantAccess) -> HoldList:
    async with services.database.session() as session:
        holds = await Holds(session, access.tenant).all()
    return HoldList(items=[_hold(hold) for hold in holds])


async def create_hold(services: AdminServices, access: TenantAccess, body: HoldCreate) -> Hold:
    """Raises: InvalidHold."""
    scope = HoldScope(body.since, body.until, body.end_user, body.actor, tuple(body.request_ids))
    async with services.database.transaction() as session:
        hold = await Holds(session, access.tenant).create(
            scope,
            reason=await masked_reason(services, body.reason),
            author=access.actor.user_id,
            now=services.clock.now(),
        )
        return await _recorded(services, session, access, "create", hold, body.reason)


async def release_hold(
    services: AdminServices, access: TenantAccess, hold_id: str, body: HoldRelease
) -> Hold:
    """Raises: UnknownHold."""
    async with services.database.transaction() as session:
        hold = await Holds(session, access.tenant).release(
            hold_id,
            reason=await masked_reason(services, body.reason),
            author=access.actor.user_id,
            now=services.clock.now(),
        )
        return await _recorded(services, session, access, "release", hold, body.reason)


async def erase(services: AdminServices, access: TenantAccess, body: ErasureCreate) -> Erasure:
    """Raises: LegalHold, InvalidValue."""
    person = Person(_pseudonym(services, access.tenant, body), tuple(body.values))
    async with services.database.transaction() as session:
        statement = await erase_person(
            session,
            services.trail.wrapper,
            services.trail.signer.current(),
            access.tenant,
            person,
            reason=await masked_reason(services, body.reason),
            now=services.clock.now(),
        )
        await record(
            services,
            session,
            access.actor,
            action="audit.erase",
            target=person.pseudonym,
            tenant=access.tenant,
            after=statement.to_dict(),
            reason=body.reason,
        )
    await finish_erasure(services.database, services.trail.wrapper)
    return _erasure(statement)


async def removals(services: AdminServices, access: TenantAccess) -> Removals:
    async with services.database.session() as session:
        prunings = await repository.prunings(session, access.tenant)
        erasures = await repository.erasures(session, access.tenant)
        figures = await ArchiveRepository(session, access.tenant).figures()
        policy = await repository.policy_of(session, access.tenant)
    return Removals(
        retention_days=services.trail.rules.of_policy(policy),
        bodies=BodyFigures(**figures),
        prunings=[_pruning(row) for row in prunings],
        erasures=[_erasure(ErasureStatement.from_row(row)) for row in erasures],
    )


def _pseudonym(services: AdminServices, tenant: str, body: ErasureCreate) -> str:
    if (body.end_user is None) is (body.pseudonym is None):
        raise InvalidValue("Give either end_user or pseudonym.", param="end_user")
    if body.pseudonym is not None:
        return body.pseudonym
    return end_user_pseudonym(services.pepper, tenant, body.end_user)


async def _recorded(
    services: AdminServices,
    session: AsyncSession,
    access: TenantAccess,
    verb: str,
    hold: AuditHold,
    reason: str,
) -> Hold:
    """What has become of a hold, once that is in the trail."""
    view = _hold(hold)
    await record(
        services,
        session,
        access.actor,
        action=f"audit.hold.{verb}",
        target=hold.id,
        tenant=access.tenant,
        after=view.model_dump(mode="json"),
        reason=reason,
    )
    return view


def _hold(hold: AuditHold) -> Hold:
    values = {name: getattr(hold, name) for name in Hold.model_fields}
    return Hold(**{**values, "request_ids": list(hold.request_ids or ())})


def _erasure(statement: ErasureStatement) -> Erasure:
    values: dict[str, Any] = asdict(statement)
    kept = {name: values[name] for name in Erasure.model_fields if name in values}
    return Erasure.model_validate({**kept, "pseudonym": statement.owner, "at": statement.time})


def _pruning(row: Any) -> Pruning:
    values = {name: getattr(row, name) for name in Pruning.model_fields if name != "at"}
    return Pruning(**values, at=row.time)
