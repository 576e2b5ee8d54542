"""Virtual keys, with their audit records; a revocation holds at once."""

from datetime import datetime

from gateway.admin.access import TenantAccess
from gateway.admin.keys.schemas import (
    KeyStatus,
    VirtualKey,
    VirtualKeyCreate,
    VirtualKeyCreated,
    VirtualKeyList,
)
from gateway.admin.schemas import LimitsBody
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.tenants import models
from gateway.tenants.limits import Limits
from gateway.tenants.service import KeyService


async def list_keys(services: AdminServices, tenant: str) -> VirtualKeyList:
    async with services.database.session() as session:
        rows = await KeyService(session, services.clock, services.pepper).list(tenant)
    now = services.clock.now()
    return VirtualKeyList(items=[_view(row, now) for row in rows])


async def create_key(
    services: AdminServices, access: TenantAccess, body: VirtualKeyCreate
) -> VirtualKeyCreated:
    async with services.database.transaction() as session:
        keys = KeyService(session, services.clock, services.pepper)
        row, api_key = await keys.create_key(
            access.tenant,
            body.project_id,
            body.name,
            limits=Limits(**body.limits.model_dump()),
            expires_at=body.expires_at,
        )
        view = _view(row, services.clock.now())
        await record(
            services,
            session,
            access.actor,
            action="key.create",
            target=row.id,
            tenant=access.tenant,
            after=view.model_dump(mode="json"),
        )
    return VirtualKeyCreated(**view.model_dump(), api_key=api_key)


async def revoke_key(services: AdminServices, access: TenantAccess, key_id: str) -> VirtualKey:
    async with services.database.transaction() as session:
        keys = KeyService(session, services.clock, services.pepper)
        row, revoked = await keys.revoke_key(access.tenant, key_id)
        view = _view(row, services.clock.now())
        if revoked:
            await record(
                services,
                session,
                access.actor,
                action="key.revoke",
                target=key_id,
                tenant=access.tenant,
                after=view.model_dump(mode="json"),
            )
    services.key_cache.invalidate(key_id=key_id)
    return view


def _view(row: models.VirtualKey, now: datetime) -> VirtualKey:
    status = KeyStatus.ACTIVE
    if row.revoked_at is not None:
        status = KeyStatus.REVOKED
    elif row.expires_at is not None and row.expires_at <= now:
        status = KeyStatus.EXPIRED
    return VirtualKey(
        id=row.id,
        tenant=row.tenant,
        project_id=row.project_id,
        name=row.name,
        prefix=row.prefix,
        status=status,
        limits=LimitsBody(**row.limits),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
