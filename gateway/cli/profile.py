"""``sovgate billing profile``: who a tenant is on its invoices."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.money import parse_amount
from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table
from gateway.errors import InvalidRequest
from gateway.tenants.cli.deployment import Deployment, ReasonOption, TenantOption, run

if TYPE_CHECKING:
    from billing.invoices.profile import Profile

profile_app = typer.Typer(help="Who a tenant is on its invoices.", no_args_is_help=True)


@profile_app.command("set")
def set_profile(
    tenant: TenantOption,
    legal_name: Annotated[str | None, typer.Option(help="Name of the company.")] = None,
    address: Annotated[str | None, typer.Option(help="\\n begins a new line.")] = None,
    tax_id: Annotated[str | None, typer.Option(help="Such as a VAT number.")] = None,
    email: Annotated[str | None, typer.Option(help="Of the accounts department.")] = None,
    currency: Annotated[str | None, typer.Option(help="In which it pays, such as EUR.")] = None,
    tax_label: Annotated[str | None, typer.Option(help="Name of the tax, such as VAT.")] = None,
    tax_percent: Annotated[str | None, typer.Option(help="Such as 19.")] = None,
    payment_days: Annotated[int | None, typer.Option(help="From issue to due date.")] = None,
    cost_centre: Annotated[
        list[str] | None,
        typer.Option(help="PROJECT_ID=CENTRE, or *=CENTRE for all others; repeatable."),
    ] = None,
    as_json: JsonOption = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Say who is billed; what is not given stays as it is."""
    texts = {"legal_name": legal_name, "tax_id": tax_id, "email": email, "tax_label": tax_label}
    given: dict[str, Any] = {**texts, "currency": currency, "payment_days": payment_days}
    given["address"] = None if address is None else address.replace("\\n", "\n")
    given["tax_percent"] = None if tax_percent is None else parse_amount(tax_percent)
    given["cost_centres"] = None if cost_centre is None else dict(map(_pair, cost_centre))
    changes = {name: value for name, value in given.items() if value is not None}

    async def task(deployment: Deployment) -> "Profile":
        return await _change(deployment, tenant, changes)

    _print(run(config, task, reason=reason), as_json)


@profile_app.command("show")
def show_profile(
    tenant: TenantOption, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show who is billed."""

    async def task(deployment: Deployment) -> "Profile":
        from billing.invoices.profile import get_profile

        return await get_profile(deployment.session, tenant)

    _print(run(config, task), as_json)


async def _change(deployment: Deployment, tenant: str, changes: dict[str, Any]) -> "Profile":
    from billing.invoices.profile import Profile, find_profile, put_profile
    from gateway.tenants.errors import NotFound
    from gateway.tenants.repository import TenantRepository

    session = deployment.session
    if await TenantRepository(session).get(tenant) is None:
        raise NotFound("tenant", param="tenant")
    before = await find_profile(session, tenant)
    if before is None:
        for name in ("legal_name", "address"):
            if name not in changes:
                raise InvalidRequest(f"A first profile needs --{name.replace('_', '-')}.")
    after = Profile(**changes) if before is None else replace(before, **changes)
    await put_profile(session, deployment.clock, tenant, after, author="cli")
    await deployment.record(
        tenant,
        "billing_profile.put",
        tenant,
        before=None if before is None else before.to_json(),
        after=after.to_json(),
    )
    return after


def _pair(text: str) -> tuple[str, str]:
    project, equals, centre = text.partition("=")
    if not (project and equals and centre):
        raise InvalidRequest("A cost centre is written as PROJECT_ID=CENTRE.", param="cost_centre")
    return project, centre


def _print(profile: "Profile", as_json: bool) -> None:
    body = profile.to_json()
    if as_json:
        print_json(body)
        return
    centres = body.pop("cost_centres")
    print_table([{"field": name, "value": value} for name, value in body.items()])
    for project, centre in centres.items():
        print(f"cost centre of {project}: {centre}")
