"""``sovgate billing``: the ledger: check it, read it, correct it, re-rate it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.money import format_amount
from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table
from gateway.cli.profile import profile_app
from gateway.cli.reading import FromOption, ToOption, instant, span_of, with_database
from gateway.tenants.cli.deployment import Deployment, ReasonOption, TenantOption, run

if TYPE_CHECKING:
    from billing.ledger.rebuild import Rebuilt
    from billing.ledger.rerating_report import RerateReport
    from billing.models import LedgerEntry
    from core.database import Database

billing_app = typer.Typer(help="The ledger.", no_args_is_help=True)
billing_app.add_typer(profile_app, name="profile")

RequestOption = Annotated[
    str | None, typer.Option("--request", help="A request's id, with what corrects it.")
]
_ENTRY = ("at", "kind", "request_id", "amount", "currency", "reference", "reason")


@billing_app.command("check")
def check(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Compare every balance with the sum of its ledger entries; status 1 where one differs."""
    from billing import run_check

    result = with_database(config, run_check)
    if as_json:
        print_json(result.to_json())
    else:
        for problem in result.problems:
            print(problem)
        print(f"{len(result.budgets)} balances checked, {len(result.problems)} problems.")
    if not result.ok:
        raise typer.Exit(1)


@billing_app.command("entries")
def entries(
    tenant: TenantOption,
    kind: Annotated[str | None, typer.Option(help="Such as settle or adjustment.")] = None,
    request: RequestOption = None,
    start: Annotated[str | None, typer.Option("--from", help="First day or instant.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First day or instant after.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """A tenant's newest entries."""
    from billing.ledger.entries import entry_to_json, list_entries

    async def read(database: "Database") -> "list[LedgerEntry]":
        async with database.session() as session:
            return await list_entries(
                session,
                tenant,
                kind=kind,
                request_id=request,
                start=instant(start),
                end=instant(end),
                limit=limit,
            )

    rows = [entry_to_json(entry) for entry in with_database(config, read)]
    if as_json:
        print_json(rows)
    else:
        print_table([{name: row[name] for name in _ENTRY} for row in rows])


@billing_app.command("adjust")
def adjust(
    tenant: TenantOption,
    amount: Annotated[str, typer.Option(help="Exact, such as -0.25: positive charges.")],
    reason: Annotated[str, typer.Option(help="Stands on the invoice; no personal data.")],
    request: Annotated[
        str | None, typer.Option("--request", help="The request that it corrects.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Its date, in a month that is not invoiced; default: now.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Enter a correction; budgets and accounts move with it."""
    from billing import adjust as enter
    from billing.ledger.entries import entry_to_json, get_entry
    from gateway.audit.reasons import note_of_command
    from gateway.tenants.errors import NotFound
    from gateway.tenants.repository import TenantRepository

    note = note_of_command(reason)

    async def task(deployment: Deployment) -> dict[str, Any]:
        session = deployment.session
        owner = await TenantRepository(session).get(tenant)
        if owner is None:
            raise NotFound("tenant", param="tenant")
        entry_id = await enter(
            session,
            deployment.clock,
            tenant=tenant,
            amount=amount,
            reason=note,
            author="cli",
            request_id=request,
            organisation=owner.organisation,
            at=instant(at),
        )
        row = entry_to_json(await get_entry(session, tenant, entry_id))
        await deployment.record(tenant, "ledger.adjust", entry_id, after=row)
        return row

    row = run(config, task, reason=reason)
    if as_json:
        print_json(row)
    else:
        print(f"Entered {row['request_id']}: {row['amount']} {row['currency']}.")


@billing_app.command("rerate")
def rerate(
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Tenant; repeatable.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all-tenants", help="All that used it.")] = False,
    start: FromOption = None,
    end: ToOption = None,
    model: Annotated[str | None, typer.Option(help="Only requests of this model.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Bring a span to the prices of the book as it is now, as adjustment entries."""
    from gateway.errors import InvalidRequest

    if bool(tenant) == everybody:
        raise InvalidRequest("Name --tenant, or say --all-tenants.", param="tenant")
    span = span_of(start, end)
    reports = _rerate(config, tenant, span, model, dry_run=True)
    if not as_json:
        for report in reports:
            _show(report)
    if not dry_run and any(report.lines for report in reports):
        if not yes:
            typer.confirm("Write these differences as entries?", abort=True, err=True)
        reports = _rerate(config, tenant, span, model, dry_run=False, reason=reason)
        if not as_json:
            print(f"{sum(report.entries for report in reports)} entries written.")
    if as_json:
        print_json([report.to_json() for report in reports])


@billing_app.command("rollup")
def rollup(
    tenant: TenantOption,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Put them right from the usage records.")
    ] = False,
    as_json: JsonOption = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Compare a tenant's roll-ups with its usage records; status 1 where they stay different."""
    from billing.ledger.rebuild import compare_rollups, rebuild_rollups

    async def task(deployment: Deployment) -> "Rebuilt":
        if not rebuild:
            return await compare_rollups(deployment.session, tenant)
        found = await rebuild_rollups(deployment.session, tenant)
        await deployment.record(tenant, "ledger.rollup", tenant, after=found.to_json())
        return found

    found = run(config, task, reason=reason)
    if as_json:
        print_json(found.to_json())
    else:
        print_table([found.to_json()])
    if found.changed and not rebuild:
        raise typer.Exit(1)


def _rerate(
    config: Path | None,
    tenants: list[str] | None,
    span: tuple[datetime, datetime],
    model: str | None,
    *,
    dry_run: bool,
    reason: str | None = None,
) -> "list[RerateReport]":
    from billing.ledger.rerate import rerate as rerate_tenant
    from core.clock import SystemClock
    from gateway.audit.reasons import of_command
    from gateway.reports import Reports
    from gateway.settings import load_settings

    clock, settings = SystemClock(), load_settings(config)
    source = Reports.of(settings, clock)
    required = settings.audit.require_reason and not dry_run
    masked = of_command(reason, required=required)

    async def use(database: "Database") -> "list[RerateReport]":
        async with database.session() as session:
            book = await source.book(session)
        found: list[RerateReport] = []
        for tenant in tenants or await _tenants(database, span):
            if not dry_run:
                await _record(database, tenant, span, model, masked)
            report = await rerate_tenant(
                database, clock, book, tenant, *span, author="cli", model=model, dry_run=dry_run
            )
            found.append(report)
        return found

    return with_database(config, use)


async def _tenants(database: "Database", span: tuple[datetime, datetime]) -> list[str]:
    """Those that used something in a span."""
    from billing.reports.usage import usage_report

    async with database.session() as session:
        used = await usage_report(session, None, *span, group_by=("tenant",))
    return [str(row.group[0]) for row in used.rows]


async def _record(
    database: "Database",
    tenant: str,
    span: tuple[datetime, datetime],
    model: str | None,
    reason: str | None,
) -> None:
    """In the trail before the first entry: re-rating that nobody can account for cannot be."""
    from core.clock import isoformat
    from gateway.audit import append_admin

    after = {"from": isoformat(span[0]), "to": isoformat(span[1]), "model": model}
    async with database.transaction() as session:
        await append_admin(
            session,
            tenant=tenant,
            actor="cli",
            method="cli",
            action="ledger.rerate",
            target=tenant,
            after=after,
            reason=reason,
        )


def _show(report: "RerateReport") -> None:
    print(f"{report.tenant}: {report.examined} requests looked at")
    print_table([line.to_json() for line in report.lines])
    for name, count in sorted(report.unpriced.items()):
        print(f"{count} requests of {name} have no price and stay as they are")
    print(f"difference: {format_amount(report.difference)} {report.currency}")
