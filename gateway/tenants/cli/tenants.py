"""``sovgate tenant``: create, list, change, suspend, activate."""

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
from gateway.tenants.limits import Limits
from gateway.tenants.models import Tenant
from gateway.tenants.names import check_name, check_slug
from gateway.tenants.service import ACTIVE, SUSPENDED, TenantService

tenant_app = typer.Typer(no_args_is_help=True, help="Tenants: the units kept apart.")
NameArgument = Annotated[str, typer.Argument(help="Lower-case name, such as acme.")]


@tenant_app.command("create")
def create(
    name: NameArgument,
    display_name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    policy: Annotated[str, typer.Option(help="A policy of the settings.")] = "default",
    rpm: Annotated[int | None, typer.Option(min=0, help="Requests a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=0, help="Tokens a minute.")] = None,
    parallel: Annotated[int | None, typer.Option(min=0, help="Requests at a time.")] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Organisation whose budgets bound it too.")
    ] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a tenant with its 'default' project."""

    async def task(deployment: Deployment) -> Row:
        tenant = await _service(deployment).create_tenant(
            check_slug(name),
            display_name=check_name(display_name or name),
            policy=policy,
            limits=Limits(rpm, tpm, parallel),
            organisation=organisation,
        )
        await deployment.record(name, "tenant.create", name, after=_row(tenant))
        return _row(tenant)

    show(run(config, task, reason=reason), as_json=as_json, text=f"Created tenant {name}.")


@tenant_app.command("list")
def list_tenants(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all tenants."""

    async def task(deployment: Deployment) -> list[Row]:
        return [_row(tenant) for tenant in await _service(deployment).list()]

    columns = ("name", "status", "organisation", "policy", "display_name")
    show_all(run(config, task), columns, as_json=as_json)


@tenant_app.command("change")
def change(
    name: NameArgument,
    organisation: Annotated[
        str, typer.Option(help="Organisation to put it into; empty text: none.")
    ],
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a tenant into an organisation, or take it out. Requests under way stay where they
    began."""
    row = run(
        config,
        lambda deployment: _update(deployment, name, organisation=organisation),
        reason=reason,
    )
    where = f"is in organisation {organisation}" if organisation else "is in no organisation"
    show(row, as_json=as_json, text=f"Tenant {name} {where}.")


@tenant_app.command("suspend")
def suspend(
    name: NameArgument,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse a tenant's requests until it is activated again."""
    row = run(config, lambda deployment: _update(deployment, name, status=SUSPENDED), reason=reason)
    show(row, as_json=as_json, text=f"Suspended tenant {name}.")


@tenant_app.command("activate")
def activate(
    name: NameArgument,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a tenant's suspension."""
    row = run(config, lambda deployment: _update(deployment, name, status=ACTIVE), reason=reason)
    show(row, as_json=as_json, text=f"Activated tenant {name}.")


async def _update(
    deployment: Deployment,
    name: str,
    *,
    status: str | None = None,
    organisation: str | None = None,
) -> Row:
    tenants = _service(deployment)
    before = _row(await tenants.lock(name))
    after = _row(await tenants.update(name, status=status, organisation=organisation))
    await deployment.record(name, "tenant.update", name, before=before, after=after)
    return after


def _service(deployment: Deployment) -> TenantService:
    return TenantService(deployment.session, deployment.clock, deployment.settings.policies)


def _row(tenant: Tenant) -> Row:
    return {
        "name": tenant.name,
        "display_name": tenant.display_name,
        "status": tenant.status,
        "organisation": tenant.organisation,
        "policy": tenant.policy,
        "limits": dict(tenant.limits),
        "created_at": isoformat(tenant.created_at),
    }
