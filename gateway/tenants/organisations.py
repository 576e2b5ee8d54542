"""Organisations: groups of tenants that share budgets."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from gateway.tenants.errors import AlreadyExists, NotFound
from gateway.tenants.models import Organisation
from gateway.tenants.repository import OrganisationRepository


class OrganisationService:
    """Works in the caller's transaction, like ``TenantService``."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._clock = clock
        self._organisations = OrganisationRepository(session)

    async def list(self) -> Sequence[Organisation]:
        return await self._organisations.all()

    async def get(self, name: str) -> Organisation:
        """Raises: NotFound."""
        organisation = await self._organisations.get(name)
        if organisation is None:
            raise NotFound("organisation", param="organisation")
        return organisation

    async def create(self, name: str, *, display_name: str | None = None) -> Organisation:
        """Raises: AlreadyExists."""
        if await self._organisations.get(name) is not None:
            raise AlreadyExists("There is an organisation of this name.", param="name")
        organisation = Organisation(
            name=name, display_name=display_name or name, created_at=self._clock.now()
        )
        await self._organisations.add(organisation)
        return organisation
