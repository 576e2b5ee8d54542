"""``sovgate budget``: create, list, change; raises and alerts are in ``budget_raises``."""

from enum import StrEnum
from typing import Annotated

import typer

from billing import AlertRule, BudgetService
from billing.budgets.scopes import EACH
from gateway.pseudonyms import end_user_pseudonym
from gateway.tenants.cli.budget_raises import add_commands
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
from gateway.tenants.cli.owners import OrganisationOption, Owner, OwningTenantOption, find_owner
from gateway.tenants.errors import InvalidValue, NotFound
from gateway.tenants.repository import KeyRepository, ProjectRepository

budget_app = typer.Typer(no_args_is_help=True, help="Upper bounds of spending.")
add_commands(budget_app)

AlertOption = Annotated[
    list[int] | None, typer.Option("--alert", help="Percentage to alert at; repeat for more.")
]
WebhookOption = Annotated[
    list[str] | None, typer.Option("--webhook", help="Of the settings; repeat for more.")
]
EmailOption = Annotated[list[str] | None, typer.Option("--email", help="Repeat for more.")]


class PeriodChoice(StrEnum):
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@budget_app.command("create")
def create(
    limit: Annotated[str, typer.Option(help="In the ledger's currency, such as 10.00.")],
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    period: Annotated[PeriodChoice, typer.Option(help="UTC calendar period.")] = (
        PeriodChoice.MONTH
    ),
    hard: Annotated[bool, typer.Option("--hard/--soft", help="Refuse, or only report.")] = True,
    project: Annotated[str | None, typer.Option(help="Only for this project (id).")] = None,
    key: Annotated[str | None, typer.Option(help="Only for this key (id).")] = None,
    end_user: Annotated[
        str | None, typer.Option(help="Only for this end user, as the application names it.")
    ] = None,
    each_end_user: Annotated[
        bool, typer.Option("--each-end-user", help="For every end user on their own.")
    ] = False,
    alert: AlertOption = None,
    webhook: WebhookOption = None,
    email: EmailOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a budget of an organisation or tenant, or of a part of a tenant."""

    async def task(deployment: Deployment) -> Row:
        owner = await find_owner(deployment, tenant, organisation)
        parts = {"project": project, "key": key, "end_user": EACH if each_end_user else end_user}
        scope, scope_id = await _scope(deployment, owner, parts)
        budget = await _budgets(deployment).create(
            deployment.session,
            owner.key,
            limit=limit,
            period=period,
            hard=hard,
            scope=scope,
            scope_id=scope_id,
            alerts=AlertRule(tuple(alert or ()), tuple(webhook or ()), tuple(email or ())),
        )
        row = budget.to_json()
        await deployment.record(owner.tenant, "budget.create", budget.id, after=row)
        return row

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Created budget {row['id']} of {tenant or organisation}.")


@budget_app.command("list")
def list_budgets(
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the budgets of a tenant or organisation and where they stand."""

    async def task(deployment: Deployment) -> list[Row]:
        owner = await find_owner(deployment, tenant, organisation)
        found = await _budgets(deployment).list(deployment.session, owner.key)
        return [one.to_json() for one in found]

    columns = ("id", "scope", "scope_id", "period", "hard", "limit", "raised", "spent", "remaining")
    show_all(run(config, task), columns, as_json=as_json)


@budget_app.command("change")
def change(
    budget: Annotated[str, typer.Argument(help="Id of the budget.")],
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    limit: Annotated[str | None, typer.Option(help="The new limit.")] = None,
    hard: Annotated[bool | None, typer.Option("--hard/--soft", help="Refuse, or report.")] = None,
    alert: AlertOption = None,
    webhook: WebhookOption = None,
    email: EmailOption = None,
    no_alerts: Annotated[bool, typer.Option("--no-alerts", help="End its alerts.")] = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a budget's limit, strictness or alerts (those given replace all it had)."""
    rule = AlertRule() if no_alerts else None

    async def task(deployment: Deployment) -> Row:
        owner = await find_owner(deployment, tenant, organisation)
        budgets, session = _budgets(deployment), deployment.session
        alerts = rule
        if alert or webhook or email:
            alerts = AlertRule(tuple(alert or ()), tuple(webhook or ()), tuple(email or ()))
        before = (await budgets.get(session, owner.key, budget)).to_json()
        status = await budgets.change(
            session, owner.key, budget, limit=limit, hard=hard, alerts=alerts
        )
        row = status.to_json()
        await deployment.record(owner.tenant, "budget.update", budget, before=before, after=row)
        return row

    show(run(config, task, reason=reason), as_json=as_json, text=f"Changed budget {budget}.")


def _budgets(deployment: Deployment) -> BudgetService:
    webhooks = frozenset(deployment.settings.alerts.webhooks)
    return BudgetService(deployment.clock, webhooks=webhooks)


async def _scope(
    deployment: Deployment, owner: Owner, parts: dict[str, str | None]
) -> tuple[str, str | None]:
    """What a budget is about: the whole owner, or the one part that is named."""
    named = [(scope, value) for scope, value in parts.items() if value is not None]
    if owner.tenant is None and named:
        raise InvalidValue("An organisation's budget is of all its tenants.", param=named[0][0])
    if not named:
        return "tenant" if owner.tenant else "organisation", None
    if len(named) > 1:
        raise InvalidValue("Name a project, a key or an end user, not several.", param=named[1][0])
    scope, value = named[0]
    tenant, session = owner.tenant or "", deployment.session
    if scope == "end_user":
        pseudonym = end_user_pseudonym(deployment.pepper, tenant, value)
        return scope, EACH if value == EACH else pseudonym
    kind = ProjectRepository if scope == "project" else KeyRepository
    if await kind(session, tenant).get(value) is None:
        raise NotFound(scope, param=scope)
    return scope, value
