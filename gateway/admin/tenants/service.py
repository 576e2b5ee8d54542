"""Tenants: permissions beyond the route's, audit records, cache invalidation."""

from gateway.admin.access import Actor, TenantAccess
from gateway.admin.permissions import Permission, scope
from gateway.admin.services import AdminServices
from gateway.admin.tenants.schemas import Tenant, TenantCreate, TenantList, TenantUpdate
from gateway.admin.trail import record
from gateway.tenants import models
from gateway.tenants.limits import Limits
from gateway.tenants.service import TenantService

_GOVERNED = frozenset({"status", "policy", "limits", "organisation"})


async def list_tenants(services: AdminServices, actor: Actor) -> TenantList:
    async with services.database.session() as session:
        tenants = TenantService(session, services.clock, services.policies)
        rows = await tenants.list(scope(actor.grants, Permission.TENANTS_READ))
    return TenantList(items=[_view(row) for row in rows])


async def get_tenant(services: AdminServices, name: str) -> Tenant:
    async with services.database.session() as session:
        return _view(await TenantService(session, services.clock, services.policies).get(name))


async def create_tenant(services: AdminServices, actor: Actor, body: TenantCreate) -> Tenant:
    async with services.database.transaction() as session:
        tenants = TenantService(session, services.clock, services.policies)
        row = await tenants.create_tenant(
            body.name,
            display_name=body.display_name,
            policy=body.policy,
            limits=Limits(**body.limits.model_dump()),
            organisation=body.organisation,
        )
        view = _view(row)
        await record(
            services,
            session,
            actor,
            action="tenant.create",
            target=row.name,
            tenant=row.name,
            after=view.model_dump(mode="json"),
        )
    return view


async def update_tenant(
    services: AdminServices, access: TenantAccess, body: TenantUpdate
) -> Tenant:
    changes = body.model_dump(exclude_none=True, exclude={"reason", "limits"})
    if body.limits is not None:
        changes["limits"] = Limits(**body.limits.model_dump())
    if _GOVERNED & changes.keys():
        access.actor.require(Permission.TENANTS_GOVERN)
    async with services.database.transaction() as session:
        tenants = TenantService(session, services.clock, services.policies)
        before = _view(await tenants.lock(access.tenant))
        after = _view(await tenants.update(access.tenant, **changes))
        await record(
            services,
            session,
            access.actor,
            action="tenant.update",
            target=access.tenant,
            tenant=access.tenant,
            before=before.model_dump(mode="json"),
            after=after.model_dump(mode="json"),
            reason=body.reason,
        )
    services.key_cache.invalidate(tenant=access.tenant)
    return after


def _view(row: models.Tenant) -> Tenant:
    return Tenant.model_validate(row)
