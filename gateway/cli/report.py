"""``sovgate report`` and ``billing``: what the ledger says."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.cli.options import ConfigOption, JsonOption, OutOption, print_json, print_table
from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from billing.focus.export import FocusExport
    from billing.invoices.document import InvoiceDocument
    from core.database import Database

report_app = typer.Typer(help="Usage and billing reports.", no_args_is_help=True)
billing_app = typer.Typer(help="The ledger.", no_args_is_help=True)

TenantOption = Annotated[str, typer.Option("--tenant", help="Tenant.")]
_Result = TypeVar("_Result")


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
    tenant: TenantOption,
    start: Annotated[
        str | None, typer.Option("--from", help="First day or instant; default: this month's.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="First day or instant after; default: now.")
    ] = None,
    group_by: Annotated[
        str, typer.Option(help="Comma-separated: day, project, key, model, tier, upstream, trend.")
    ] = "model,tier",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What a tenant used and what it cost; exact, from the ledger."""
    from billing.reading import snapshot
    from billing.reports.usage import usage_report
    from core.database import Database

    now = datetime.now(UTC)
    first = _instant(start, now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    last = _instant(end, now)

    async def report(database: Database):
        async with snapshot(database) as session:
            return await usage_report(session, tenant, first, last, group_by=group_by.split(","))

    result = _with_database(config, report).to_json()
    if as_json:
        print_json(result)
        return
    print(f"{tenant}, {result['from']} to {result['to']}, {result['currency']}")
    print_table([*result["rows"], dict.fromkeys(result["group_by"], "total") | result["total"]])


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
    from core.database import Database

    try:
        first, last = month_span(month)
    except ValueError:
        raise InvalidRequest("--month must look like 2026-11.", param="month") from None

    if report_format in _FOCUS:
        focus = _with_database(config, _focus_export(config, tenant, first, last))
        _write(out, lambda path: focus.write(path, _FOCUS[report_format]))
        return
    if report_format is ReportFormat.PDF:
        _write(out, _statement(config, tenant, month))
        return

    async def report(database: Database):
        async with snapshot(database) as session:
            return await billing_report(session, tenant, first, last)

    result = _with_database(config, report)
    if report_format is ReportFormat.JSON:
        print_json(result.to_json())
        return
    _write(out, lambda path: write_table(result.table(), path, report_format))


def _focus_export(
    config: Path | None, tenant: str, first: datetime, last: datetime
) -> "Callable[[Database], Awaitable[FocusExport]]":
    from billing.focus.export import focus_months
    from billing.reading import snapshot
    from core.clock import SystemClock
    from gateway.invoicing import invoicing
    from gateway.settings import load_settings

    terms = invoicing(load_settings(config), SystemClock()).terms

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
    from gateway.invoicing import invoicing
    from gateway.settings import load_settings

    clock = SystemClock()
    own = invoicing(load_settings(config), clock)

    async def read(database: "Database") -> "InvoiceDocument":
        async with snapshot(database) as session:
            return await InvoiceService(clock, own.terms).preview(session, tenant, month)

    document = _with_database(config, read)
    return lambda path: write_invoice(document, path, "pdf", font=own.font)


def _write(out: Path | None, write: Callable[[Path], None]) -> None:
    """To ``out``, or the file's bytes to standard output."""
    if out is not None:
        write(out)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report"
        write(file)
        sys.stdout.buffer.write(file.read_bytes())


@billing_app.command("check")
def check(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Compare every balance with the sum of its ledger entries; status 1 where one differs."""
    from billing import run_check

    result = _with_database(config, run_check)
    if as_json:
        print_json(result.to_json())
    else:
        for problem in result.problems:
            print(problem)
        print(f"{len(result.budgets)} balances checked, {len(result.problems)} problems.")
    if not result.ok:
        raise typer.Exit(1)


def _with_database(config: Path | None, use: "Callable[..., Awaitable[_Result]]") -> _Result:
    from core.database import Database
    from gateway.settings import load_settings

    async def run() -> _Result:
        database = Database(load_settings(config).database.url)
        try:
            return await use(database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def _instant(text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no date such as 2026-11-21.") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
