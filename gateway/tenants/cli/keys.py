"""``sovgate key``: create, list, revoke."""

from typing import Annotated

import typer

from core.clock import isoformat
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    ReasonOption,
    Row,
    TenantOption,
    run,
    show,
    show_all,
)
from gateway.tenants.errors import NotFound
from gateway.tenants.limits import Limits
from gateway.tenants.models import VirtualKey
from gateway.tenants.names import check_name
from gateway.tenants.repository import TenantRepository
from gateway.tenants.service import KeyService

key_app = typer.Typer(no_args_is_help=True, help="Virtual API keys of applications.")


@key_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What uses the key.")],
    tenant: TenantOption,
    project: Annotated[
        str | None, typer.Option(help="Id of a project; 'default' otherwise.")
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=0, help="Requests a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=0, help="Tokens a minute.")] = None,
    parallel: Annotated[int | None, typer.Option(min=0, help="Requests at a time.")] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it: it is never shown again."""

    async def task(deployment: Deployment) -> Row:
        await _check_tenant(deployment, tenant)
        key, api_key = await _service(deployment).create_key(
            tenant, project, check_name(name), limits=Limits(rpm, tpm, parallel)
        )
        await deployment.record(tenant, "key.create", key.id, after=_row(key))
        return {**_row(key), "api_key": api_key}

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=str(row["api_key"]))


@key_app.command("list")
def list_keys(
    tenant: TenantOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List a tenant's keys without their values."""

    async def task(deployment: Deployment) -> list[Row]:
        await _check_tenant(deployment, tenant)
        return [_row(key) for key in await _service(deployment).list(tenant)]

    columns = ("id", "name", "prefix", "project_id", "created_at", "revoked_at")
    show_all(run(config, task), columns, as_json=as_json)


@key_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, key_...")],
    tenant: TenantOption,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key for good."""

    async def task(deployment: Deployment) -> Row:
        key, revoked = await _service(deployment).revoke_key(tenant, key_id)
        if revoked:
            await deployment.record(tenant, "key.revoke", key_id, after=_row(key))
        return _row(key)

    show(run(config, task, reason=reason), as_json=as_json, text=f"Revoked key {key_id}.")


async def _check_tenant(deployment: Deployment, tenant: str) -> None:
    if await TenantRepository(deployment.session).get(tenant) is None:
        raise NotFound("tenant", param="tenant")


def _service(deployment: Deployment) -> KeyService:
    return KeyService(deployment.session, deployment.clock, deployment.pepper)


def _row(key: VirtualKey) -> Row:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "project_id": key.project_id,
        "name": key.name,
        "prefix": key.prefix,
        "limits": dict(key.limits),
        "created_at": isoformat(key.created_at),
        "expires_at": isoformat(key.expires_at) if key.expires_at else None,
        "revoked_at": isoformat(key.revoked_at) if key.revoked_at else None,
    }
