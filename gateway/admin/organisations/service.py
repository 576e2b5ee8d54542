"""Organisations, with audit records in the deployment's own trail."""

from gateway.admin.access import Actor
from gateway.admin.organisations.schemas import (
    Organisation,
    OrganisationCreate,
    OrganisationList,
)
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.tenants.organisations import OrganisationService


async def list_organisations(services: AdminServices) -> OrganisationList:
    async with services.database.session() as session:
        rows = await OrganisationService(session, services.clock).list()
    return OrganisationList(items=[Organisation.model_validate(row) for row in rows])


async def create_organisation(
    services: AdminServices, actor: Actor, body: OrganisationCreate
) -> Organisation:
    async with services.database.transaction() as session:
        organisations = OrganisationService(session, services.clock)
        row = await organisations.create(body.name, display_name=body.display_name)
        view = Organisation.model_validate(row)
        await record(
            services,
            session,
            actor,
            action="organisation.create",
            target=view.name,
            after=view.model_dump(mode="json"),
        )
    return view
