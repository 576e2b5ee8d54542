"""``sovgate budget``: create, list."""

from enum import StrEnum
from typing import Annotated

import typer

from billing.budgets.service import BudgetService
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    Row,
    TenantOption,
    run,
    show,
    show_all,
)
from gateway.tenants.errors import InvalidValue, NotFound
from gateway.tenants.repository import KeyRepository, ProjectRepository, TenantRepository

budget_app = typer.Typer(no_args_is_help=True, help="Upper bounds of spending.")


class PeriodChoice(StrEnum):
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@budget_app.command("create")
def create(
    tenant: TenantOption,
    limit: Annotated[str, typer.Option(help="US dollars, such as 10.00.")],
    period: Annotated[PeriodChoice, typer.Option(help="UTC calendar period.")] = (
        PeriodChoice.MONTH
    ),
    hard: Annotated[bool, typer.Option("--hard/--soft", help="Refuse, or only report.")] = True,
    project: Annotated[str | None, typer.Option(help="Only for this project (id).")] = None,
    key: Annotated[str | None, typer.Option(help="Only for this key (id).")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a budget of a tenant, or of one of its projects or keys."""

    async def task(deployment: Deployment) -> Row:
        scope, scope_id = await _scope(deployment, tenant, project, key)
        budget = await BudgetService(deployment.clock).create(
            deployment.session,
            tenant,
            limit=limit,
            period=period,
            hard=hard,
            scope=scope,
            scope_id=scope_id,
        )
        row = budget.to_json()
        await deployment.record(tenant, "budget.create", budget.id, after=row)
        return row

    row = run(config, task)
    show(row, as_json=as_json, text=f"Created budget {row['id']} of tenant {tenant}.")


@budget_app.command("list")
def list_budgets(
    tenant: TenantOption, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List a tenant's budgets and where they stand."""

    async def task(deployment: Deployment) -> list[Row]:
        await _check_tenant(deployment, tenant)
        budgets = BudgetService(deployment.clock)
        return [one.to_json() for one in await budgets.list(deployment.session, tenant)]

    columns = ("id", "scope", "scope_id", "period", "hard", "limit", "spent", "remaining")
    show_all(run(config, task), columns, as_json=as_json)


async def _scope(
    deployment: Deployment, tenant: str, project: str | None, key: str | None
) -> tuple[str, str]:
    await _check_tenant(deployment, tenant)
    if project is not None and key is not None:
        raise InvalidValue("Name a project or a key, not both.", param="key")
    if project is not None:
        if await ProjectRepository(deployment.session, tenant).get(project) is None:
            raise NotFound("project", param="project")
        return "project", project
    if key is not None:
        if await KeyRepository(deployment.session, tenant).get(key) is None:
            raise NotFound("key", param="key")
        return "key", key
    return "tenant", tenant


async def _check_tenant(deployment: Deployment, tenant: str) -> None:
    if await TenantRepository(deployment.session).get(tenant) is None:
        raise NotFound("tenant", param="tenant")
