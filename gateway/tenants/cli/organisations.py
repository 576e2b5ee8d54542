"""``sovgate organisation``: create, list."""

from typing import Annotated

import typer

from core.clock import isoformat
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    ReasonOption,
    Row,
    run,
    show,
    show_all,
)
from gateway.tenants.models import Organisation
from gateway.tenants.names import check_name, check_slug
from gateway.tenants.organisations import OrganisationService

organisation_app = typer.Typer(no_args_is_help=True, help="Tenants that share budgets.")


@organisation_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Lower-case name, such as group.")],
    display_name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an organisation; `sovgate tenant change` puts tenants into it."""

    async def task(deployment: Deployment) -> Row:
        organisations = OrganisationService(deployment.session, deployment.clock)
        organisation = await organisations.create(
            check_slug(name), display_name=check_name(display_name or name)
        )
        await deployment.record(None, "organisation.create", name, after=_row(organisation))
        return _row(organisation)

    show(run(config, task, reason=reason), as_json=as_json, text=f"Created organisation {name}.")


@organisation_app.command("list")
def list_organisations(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all organisations."""

    async def task(deployment: Deployment) -> list[Row]:
        organisations = OrganisationService(deployment.session, deployment.clock)
        return [_row(one) for one in await organisations.list()]

    show_all(run(config, task), ("name", "display_name", "created_at"), as_json=as_json)


def _row(organisation: Organisation) -> Row:
    return {
        "name": organisation.name,
        "display_name": organisation.display_name,
        "created_at": isoformat(organisation.created_at),
    }
