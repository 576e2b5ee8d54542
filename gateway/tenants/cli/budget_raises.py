"""``sovgate budget raise|raises|revoke|alerts``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from billing import RaiseService, list_alerts
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
from gateway.tenants.cli.owners import OrganisationOption, OwningTenantOption, find_owner
from gateway.tenants.errors import InvalidValue

BudgetArgument = Annotated[str, typer.Argument(help="Id of the budget.")]
_AUTHOR = "cli"


def add_commands(app: typer.Typer) -> None:
    """Add the commands to ``sovgate budget``."""
    app.command("raise")(give)
    app.command("raises")(list_raises)
    app.command("revoke")(revoke)
    app.command("alerts")(alerts)


def give(
    budget: BudgetArgument,
    amount: Annotated[str, typer.Option(help="On top of the limit.")],
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    until: Annotated[
        str | None, typer.Option(help="When it ends, such as 2026-12-01T00:00:00Z.")
    ] = None,
    hours: Annotated[int | None, typer.Option(min=1, help="Or for so many hours.")] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise a budget for a while."""

    async def task(deployment: Deployment) -> Row:
        owner = await find_owner(deployment, tenant, organisation)
        raised = await RaiseService(deployment.clock).give(
            deployment.session,
            owner.key,
            budget,
            amount=amount,
            expires_at=_expiry(deployment.clock.now(), until, hours),
            author=_AUTHOR,
            reason=reason,
        )
        row = raised.to_json()
        await deployment.record(owner.tenant, "budget.raise", budget, after=row)
        return row

    row = run(config, task, reason=reason)
    text = f"Raised budget {budget} by {row['amount']} until {row['expires_at']} ({row['id']})."
    show(row, as_json=as_json, text=text)


def list_raises(
    budget: BudgetArgument,
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the raises of a budget, those that have ended too."""

    async def task(deployment: Deployment) -> list[Row]:
        owner = await find_owner(deployment, tenant, organisation)
        raises = await RaiseService(deployment.clock).list(deployment.session, owner.key, budget)
        return [one.to_json() for one in raises]

    columns = ("id", "amount", "starts_at", "expires_at", "status", "author", "reason")
    show_all(run(config, task), columns, as_json=as_json)


def revoke(
    budget: BudgetArgument,
    raise_id: Annotated[str, typer.Argument(help="Id of the raise.")],
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a raise now."""

    async def task(deployment: Deployment) -> Row:
        owner = await find_owner(deployment, tenant, organisation)
        revoked = await RaiseService(deployment.clock).revoke(
            deployment.session, owner.key, budget, raise_id, author=_AUTHOR
        )
        row = revoked.to_json()
        await deployment.record(owner.tenant, "budget.revoke", raise_id, after=row)
        return row

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Raise {raise_id} is {row['status']}.")


def alerts(
    tenant: OwningTenantOption = None,
    organisation: OrganisationOption = None,
    budget: Annotated[str | None, typer.Option(help="Of this budget only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the alerts of a tenant's or organisation's budgets, the newest first."""

    async def task(deployment: Deployment) -> list[Row]:
        owner = await find_owner(deployment, tenant, organisation)
        found = await list_alerts(deployment.session, owner.key, budget_id=budget, limit=limit)
        return [one.to_json() for one in found]

    columns = ("at", "budget_id", "scope", "threshold", "spent", "limit", "status", "error_code")
    show_all(run(config, task), columns, as_json=as_json)


def _expiry(now: datetime, until: str | None, hours: int | None) -> datetime:
    if (until is None) == (hours is None):
        raise InvalidValue("Say until when, or for how many hours.", param="until")
    if hours is not None:
        return now + timedelta(hours=hours)
    try:
        instant = datetime.fromisoformat(until or "")
    except ValueError:
        raise InvalidValue("Write it as 2026-12-01T00:00:00Z.", param="until") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
