"""The rules of tenants, projects and virtual keys.

Works in the caller's transaction and knows neither HTTP nor who calls: the admin
API and the command line share it. SQL is in ``repository``.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from gateway.tenants.errors import AlreadyExists, InvalidValue, NotFound
from gateway.tenants.keys import Principal, check_given, key_hash, new_key, shown_prefix
from gateway.tenants.limits import Limits
from gateway.tenants.models import Project, Tenant, VirtualKey
from gateway.tenants.repository import (
    KeyRepository,
    OrganisationRepository,
    ProjectRepository,
    TenantRepository,
    find_key,
)

ACTIVE = "active"
SUSPENDED = "suspended"
DEFAULT_PROJECT = "default"

_T = TypeVar("_T")


class TenantService:
    """Tenants and their projects.

    Args:
        policies: the names that a tenant's policy may have.
    """

    def __init__(self, session: AsyncSession, clock: Clock, policies: Collection[str]) -> None:
        self._session = session
        self._clock = clock
        self._policies = policies
        self._tenants = TenantRepository(session)

    async def list(self, scope: Collection[str] | None = None) -> Sequence[Tenant]:
        """Tenants by name; ``None`` means every tenant."""
        return await self._tenants.all(scope)

    async def get(self, name: str) -> Tenant:
        """Raises: NotFound."""
        return _found(await self._tenants.get(name), "tenant")

    async def lock(self, name: str) -> Tenant:
        """The tenant, held until the transaction ends. Raises: NotFound."""
        return _found(await self._tenants.lock(name), "tenant")

    async def create_tenant(
        self,
        name: str,
        *,
        display_name: str | None = None,
        policy: str = "default",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        organisation: str | None = None,
    ) -> Tenant:
        """A tenant with its default project.

        Raises:
            AlreadyExists: if the name is taken.
            InvalidValue: if there is no such policy.
            NotFound: if there is no such organisation.
        """
        self._check_policy(policy)
        await self._check_organisation(organisation)
        if await self._tenants.get(name) is not None:
            raise AlreadyExists("There is a tenant of this name. Choose another.", param="name")
        tenant = Tenant(
            name=name,
            display_name=display_name or name,
            status=ACTIVE,
            policy=policy,
            limits=limits.to_json(),
            organisation=organisation,
            created_at=self._clock.now(),
        )
        await self._tenants.add(tenant)
        await self.create_project(name, DEFAULT_PROJECT)
        return tenant

    async def update(
        self,
        name: str,
        *,
        display_name: str | None = None,
        status: str | None = None,
        policy: str | None = None,
        limits: Limits | None = None,
        organisation: str | None = None,
    ) -> Tenant:
        """Change what is given; ``organisation=""`` takes the tenant out of its organisation.

        Raises:
            NotFound: if there is no such tenant or organisation.
            InvalidValue: if there is no such policy.
        """
        tenant = await self.lock(name)
        if policy is not None:
            self._check_policy(policy)
            tenant.policy = policy
        tenant.display_name = display_name or tenant.display_name
        tenant.status = status or tenant.status
        if limits is not None:
            tenant.limits = limits.to_json()
        if organisation is not None:
            await self._check_organisation(organisation or None)
            tenant.organisation = organisation or None
        await self._session.flush()
        return tenant

    async def suspend(self, name: str) -> Tenant:
        """Refuse the tenant's requests from now on. Raises: NotFound."""
        return await self.update(name, status=SUSPENDED)

    async def projects(self, tenant: str) -> Sequence[Project]:
        return await ProjectRepository(self._session, tenant).all()

    async def create_project(self, tenant: str, name: str) -> Project:
        """Raises: AlreadyExists, NotFound."""
        _found(await self._tenants.get(tenant), "tenant")
        projects = ProjectRepository(self._session, tenant)
        if await projects.by_name(name) is not None:
            raise AlreadyExists("The tenant has a project of this name.", param="name")
        project = Project(id=new_id("prj"), tenant=tenant, name=name, created_at=self._clock.now())
        await projects.add(project)
        return project

    async def _check_organisation(self, name: str | None) -> None:
        if name is not None and await OrganisationRepository(self._session).get(name) is None:
            raise NotFound("organisation", param="organisation")

    def _check_policy(self, policy: str) -> None:
        if policy not in self._policies:
            raise InvalidValue(
                "There is no policy of this name in the deployment's settings.", param="policy"
            )


class KeyService:
    """Virtual keys."""

    def __init__(self, session: AsyncSession, clock: Clock, pepper: bytes) -> None:
        self._session = session
        self._clock = clock
        self._pepper = pepper

    async def list(self, tenant: str) -> Sequence[VirtualKey]:
        return await KeyRepository(self._session, tenant).all()

    async def create_key(
        self,
        tenant: str,
        project_id: str | None,
        name: str,
        value: str | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        expires_at: datetime | None = None,
    ) -> tuple[VirtualKey, str]:
        """A key and its plain value, which nobody can ask for again.

        Args:
            project_id: ``None`` for the tenant's default project.
            value: a key chosen elsewhere; a fresh one by default.

        Raises:
            NotFound: if the tenant has no such project.
            InvalidValue: if the given value or the expiry will not do.
            AlreadyExists: if the given value is a key already.
        """
        project = await self._project(tenant, project_id)
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidValue("The expiry must lie in the future.", param="expires_at")
        plain = new_key() if value is None else check_given(value)
        hashed = key_hash(self._pepper, plain)
        if value is not None and await find_key(self._session, hashed) is not None:
            raise AlreadyExists("This value is a key already. Choose another.", param="value")
        key = VirtualKey(
            id=new_id("key"),
            tenant=tenant,
            project_id=project.id,
            name=name,
            key_hash=hashed,
            prefix=shown_prefix(plain),
            limits=limits.to_json(),
            created_at=now,
            expires_at=expires_at,
            revoked_at=None,
        )
        await KeyRepository(self._session, tenant).add(key)
        return key, plain

    async def revoke_key(self, tenant: str, key_id: str) -> tuple[VirtualKey, bool]:
        """The key, and whether this call revoked it. Raises: NotFound."""
        keys = KeyRepository(self._session, tenant)
        key = _found(await keys.get(key_id), "key")
        revoked = await keys.revoke(key_id, self._clock.now())
        await self._session.refresh(key)
        return key, revoked

    async def _project(self, tenant: str, project_id: str | None) -> Project:
        projects = ProjectRepository(self._session, tenant)
        if project_id is None:
            return _found(await projects.by_name(DEFAULT_PROJECT), "project")
        return _found(await projects.get(project_id), "project")


async def authenticate(session: AsyncSession, api_key: str, pepper: bytes) -> Principal | None:
    """Whom a key stands for, revoked or not; ``None`` if there is no such key.

    ``KeyCache`` is what requests go through; it also refuses revoked keys.
    """
    found = await find_key(session, key_hash(pepper, api_key))
    return None if found is None else principal_of(*found)


def principal_of(key: VirtualKey, tenant: Tenant) -> Principal:
    tenant_limits = Limits.from_json(tenant.limits)
    return Principal(
        tenant=tenant.name,
        project_id=key.project_id,
        key_id=key.id,
        key_name=key.name,
        policy=tenant.policy,
        limits=tenant_limits.tightened_by(Limits.from_json(key.limits)),
        tenant_limits=tenant_limits,
        tenant_active=tenant.status == ACTIVE,
        expires_at=key.expires_at,
        organisation=tenant.organisation,
    )


def _found(value: _T | None, what: str) -> _T:
    if value is None:
        raise NotFound(what)
    return value
