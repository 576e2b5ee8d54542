"""``sovgate project``: create, list."""

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
from gateway.tenants.models import Project
from gateway.tenants.names import check_name
from gateway.tenants.service import TenantService

project_app = typer.Typer(no_args_is_help=True, help="Projects: parts of a tenant.")


@project_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name, unique in its tenant.")],
    tenant: TenantOption,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a project."""

    async def task(deployment: Deployment) -> Row:
        project = await _service(deployment).create_project(tenant, check_name(name))
        await deployment.record(tenant, "project.create", project.id, after=_row(project))
        return _row(project)

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Created project {row['id']} of tenant {tenant}.")


@project_app.command("list")
def list_projects(
    tenant: TenantOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List a tenant's projects."""

    async def task(deployment: Deployment) -> list[Row]:
        service = _service(deployment)
        await service.get(tenant)
        return [_row(project) for project in await service.projects(tenant)]

    show_all(run(config, task), ("id", "name", "created_at"), as_json=as_json)


def _service(deployment: Deployment) -> TenantService:
    return TenantService(deployment.session, deployment.clock, deployment.settings.policies)


def _row(project: Project) -> Row:
    return {
        "id": project.id,
        "tenant": project.tenant,
        "name": project.name,
        "created_at": isoformat(project.created_at),
    }
