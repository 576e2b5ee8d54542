"""Whose budgets a command is about: a tenant's, or an organisation's."""

from dataclasses import dataclass
from typing import Annotated

import typer

from billing import organisation_owner
from gateway.tenants.cli.deployment import Deployment
from gateway.tenants.errors import InvalidValue, NotFound
from gateway.tenants.repository import OrganisationRepository, TenantRepository

OwningTenantOption = Annotated[str | None, typer.Option("--tenant", help="Name of the tenant.")]
OrganisationOption = Annotated[
    str | None, typer.Option("--organisation", help="Or of the organisation.")
]


@dataclass(frozen=True, slots=True)
class Owner:
    """``key`` is how billing calls it; ``tenant`` whose audit trail it is (none: the
    deployment's)."""

    key: str
    tenant: str | None

    @property
    def words(self) -> str:
        return f"tenant {self.tenant}" if self.tenant else f"organisation {self.key[1:]}"


async def find_owner(deployment: Deployment, tenant: str | None, organisation: str | None) -> Owner:
    """Raises: InvalidValue, NotFound."""
    if (tenant is None) == (organisation is None):
        raise InvalidValue("Name a tenant or an organisation.", param="tenant")
    if organisation is not None:
        if await OrganisationRepository(deployment.session).get(organisation) is None:
            raise NotFound("organisation", param="organisation")
        return Owner(organisation_owner(organisation), None)
    if tenant is None or await TenantRepository(deployment.session).get(tenant) is None:
        raise NotFound("tenant", param="tenant")
    return Owner(tenant, tenant)
