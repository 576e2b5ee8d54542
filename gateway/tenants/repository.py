"""The SQL of tenants, projects and virtual keys; every query takes the tenant's scope.

The one exception is the look-up by key hash, which is how a tenant is found out.
Knows no rules: see ``service``.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tenants.models import Organisation, Project, Tenant, VirtualKey

# An arbitrary constant that only names the lock.
_BOOTSTRAP_LOCK = 0x50564741


class TenantRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, name: str) -> Tenant | None:
        return await self._session.get(Tenant, name)

    async def lock(self, name: str) -> Tenant | None:
        """The tenant, held against other writers until the transaction ends."""
        query = select(Tenant).where(Tenant.name == name).with_for_update()
        return (await self._session.scalars(query)).one_or_none()

    async def all(self, scope: Collection[str] | None) -> Sequence[Tenant]:
        """The tenants of a scope by name; ``None`` means every tenant."""
        query = select(Tenant).order_by(Tenant.name)
        if scope is not None:
            query = query.where(Tenant.name.in_(scope))
        return (await self._session.scalars(query)).all()

    async def add(self, tenant: Tenant) -> None:
        self._session.add(tenant)
        await self._session.flush()

    async def lock_bootstrap(self) -> None:
        """Let one process bootstrap at a time (SQLite's write lock does so already)."""
        if self._session.get_bind().dialect.name == "postgresql":
            await self._session.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _BOOTSTRAP_LOCK}
            )


class OrganisationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, name: str) -> Organisation | None:
        return await self._session.get(Organisation, name)

    async def all(self) -> Sequence[Organisation]:
        return (await self._session.scalars(select(Organisation).order_by(Organisation.name))).all()

    async def add(self, organisation: Organisation) -> None:
        self._session.add(organisation)
        await self._session.flush()


class ProjectRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def get(self, project_id: str) -> Project | None:
        query = select(Project).where(Project.tenant == self._tenant, Project.id == project_id)
        return (await self._session.scalars(query)).one_or_none()

    async def by_name(self, name: str) -> Project | None:
        query = select(Project).where(Project.tenant == self._tenant, Project.name == name)
        return (await self._session.scalars(query)).one_or_none()

    async def all(self) -> Sequence[Project]:
        query = select(Project).where(Project.tenant == self._tenant)
        return (await self._session.scalars(query.order_by(Project.created_at, Project.id))).all()

    async def add(self, project: Project) -> None:
        self._session.add(project)
        await self._session.flush()


class KeyRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def get(self, key_id: str) -> VirtualKey | None:
        query = select(VirtualKey).where(VirtualKey.tenant == self._tenant, VirtualKey.id == key_id)
        return (await self._session.scalars(query)).one_or_none()

    async def all(self) -> Sequence[VirtualKey]:
        query = select(VirtualKey).where(VirtualKey.tenant == self._tenant)
        return (
            await self._session.scalars(query.order_by(VirtualKey.created_at, VirtualKey.id))
        ).all()

    async def active_named(self, name: str) -> int:
        """How many keys of that name are not revoked."""
        query = select(func.count()).where(
            VirtualKey.tenant == self._tenant,
            VirtualKey.name == name,
            VirtualKey.revoked_at.is_(None),
        )
        return await self._session.scalar(query) or 0

    async def add(self, key: VirtualKey) -> None:
        self._session.add(key)
        await self._session.flush()

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """Mark as revoked; False if it was already."""
        result = await self._session.execute(
            update(VirtualKey)
            .where(
                VirtualKey.tenant == self._tenant,
                VirtualKey.id == key_id,
                VirtualKey.revoked_at.is_(None),
            )
            .values(revoked_at=at)
            .returning(VirtualKey.id)
        )
        return result.first() is not None


async def find_key(session: AsyncSession, key_hash: str) -> tuple[VirtualKey, Tenant] | None:
    """The key with this hash, and its tenant."""
    query = (
        select(VirtualKey, Tenant)
        .join(Tenant, Tenant.name == VirtualKey.tenant)
        .where(VirtualKey.key_hash == key_hash)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])
