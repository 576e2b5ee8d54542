"""``sovgate report``: what the ledger says."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption, JsonOption, OutOption, print_json, print_table
from gateway.cli.reading import (
    FileOption,
    FromOption,
    ToOption,
    span_of,
    with_database,
    without_zeros,
    write_out,
    write_report,
)
from gateway.cli.reconciliation import reconciliation
from gateway.cli.savings import savings
from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from billing.focus.export import FocusExport
    from billing.invoices.document import InvoiceDocument
    from billing.reports.billing import BillingReport
    from billing.reports.usage import UsageReport
    from core.database import Database

report_app = typer.Typer(help="Usage and billing reports.", no_args_is_help=True)

TenantOption = Annotated[str, typer.Option("--tenant", help="Tenant.")]


class ReportFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    JSON = "json"
    PDF = "pdf"
    FOCUS = "focus"
    FOCUS_PARQUET = "focus-parquet"


_FOCUS = {ReportFormat.FOCUS: "csv", ReportFormat.FOCUS_PARQUET: "parquet"}


@report_app.command("usage")
def usage(
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Tenant; repeatable; default: all.")
    ] = None,
    start: FromOption = None,
    end: ToOption = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated: tenant, project, key, user, model, tier, trend, upstream, zone, "
            "price_version, token_class, hour, day, month."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, such as model=flash; repeatable.")
    ] = None,
    out: FileOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What was used and what it cost; exact, from the ledger."""
    from billing.reading import snapshot
    from billing.reports.usage import usage_report

    first, last = span_of(start, end)
    one = tenant[0] if tenant and len(tenant) == 1 else None
    groups = (group_by or ("model,tier" if one else "tenant")).split(",")
    filters = dict(_filter(text) for text in only or ())

    async def report(database: "Database") -> "UsageReport":
        async with snapshot(database) as session:
            return await usage_report(
                session, one or tenant, first, last, group_by=groups, only=filters
            )

    found = with_database(config, report)
    if out is not None:
        write_report(found.table(), out)
        return
    result = found.to_json()
    if as_json:
        print_json(result)
        return
    whose = ", ".join(tenant) if tenant else "all tenants"
    print(f"{whose}, {result['from']} to {result['to']}, {result['currency']}")
    total = dict.fromkeys(result["group_by"], "total") | result["total"]
    print_table(without_zeros([*result["rows"], total], keep=("requests", "cost")))


@report_app.command("billing")
def billing(
    tenant: TenantOption,
    month: Annotated[str, typer.Option(help="YYYY-MM (UTC).")],
    report_format: Annotated[
        ReportFormat, typer.Option("--format", help="File format.")
    ] = ReportFormat.CSV,
    out: OutOption = None,
    config: ConfigOption = None,
) -> None:
    """A tenant's bill of one month: its total is the sum of its ledger entries.

    ``focus`` is FOCUS 1.2 as CSV: the month's invoice, or what it would hold now, and the
    credit notes that were issued in the month. ``pdf`` is the month's final invoice, or else
    what it would say now, marked as a draft.
    """
    from billing.periods import month_span
    from billing.reading import snapshot
    from billing.reports.billing import billing_report
    from billing.reports.files import write_table

    try:
        first, last = month_span(month)
    except ValueError:
        raise InvalidRequest("--month must look like 2026-11.", param="month") from None

    if report_format in _FOCUS:
        focus = with_database(config, _focus_export(config, tenant, first, last))
        write_out(out, lambda path: focus.write(path, _FOCUS[report_format]))
        return
    if report_format is ReportFormat.PDF:
        write_out(out, _statement(config, tenant, month))
        return

    async def report(database: "Database") -> "BillingReport":
        async with snapshot(database) as session:
            return await billing_report(session, tenant, first, last)

    result = with_database(config, report)
    if report_format is ReportFormat.JSON:
        print_json(result.to_json())
        return
    write_out(out, lambda path: write_table(result.table(), path, report_format))


def _focus_export(
    config: Path | None, tenant: str, first: datetime, last: datetime
) -> "Callable[[Database], Awaitable[FocusExport]]":
    from billing.focus.export import focus_months
    from billing.reading import snapshot
    from core.clock import SystemClock
    from gateway.invoicing import invoice_terms
    from gateway.settings import load_settings

    terms = invoice_terms(load_settings(config), SystemClock())

    async def read(database: "Database") -> "FocusExport":
        async with snapshot(database) as session:
            return await focus_months(session, tenant, first, last, terms)

    return read


def _statement(config: Path | None, tenant: str, month: str) -> Callable[[Path], None]:
    """Writes the month's invoice, as it is or as it would be."""
    from billing.invoices.files import write_invoice
    from billing.invoices.service import InvoiceService
    from billing.reading import snapshot
    from core.clock import SystemClock
    from gateway.invoicing import invoice_terms
    from gateway.settings import load_settings

    clock = SystemClock()
    terms = invoice_terms(load_settings(config), clock)

    async def read(database: "Database") -> "InvoiceDocument":
        async with snapshot(database) as session:
            return await InvoiceService(clock, terms).preview(session, tenant, month)

    document = with_database(config, read)
    return lambda path: write_invoice(document, path, "pdf", font=terms.font)


def _filter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequest("--only must look like model=flash.", param="only")
    return name, value


report_app.command()(savings)
report_app.command()(reconciliation)
