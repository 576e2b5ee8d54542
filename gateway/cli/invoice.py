"""``sovgate invoice``: draft, issue, credit and export a tenant's invoices."""

import asyncio
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.money import parse_amount
from gateway.cli.invoice_output import show_document, show_list
from gateway.cli.options import ConfigOption, JsonOption, OutOption
from gateway.errors import InvalidRequest
from gateway.tenants.cli.deployment import Deployment, ReasonOption, TenantOption, run

if TYPE_CHECKING:
    from billing.invoices.document import InvoiceDocument
    from billing.invoices.service import InvoiceService
    from billing.invoices.terms import InvoiceTerms
    from billing.models import Invoice

invoice_app = typer.Typer(help="Invoices and credit notes.", no_args_is_help=True)

MonthOption = Annotated[str, typer.Option(help="YYYY-MM (UTC).")]
NameArgument = Annotated[str, typer.Argument(metavar="INVOICE", help="Number or id.")]
WhichArgument = Annotated[
    str | None, typer.Argument(metavar="[INVOICE]", help="Number or id; or give --month.")
]
WhichMonth = Annotated[
    str | None, typer.Option("--month", help="That month's invoice, YYYY-MM (UTC).")
]


class InvoiceFormat(StrEnum):
    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


class InvoiceTable(StrEnum):
    LINES = "lines"
    COST_CENTRES = "cost-centres"


@invoice_app.command("draft")
def draft(
    tenant: TenantOption,
    month: MonthOption,
    as_json: JsonOption = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Draw up a month's invoice, or bring its draft up to date."""

    async def task(deployment: Deployment) -> "InvoiceDocument":
        service = _service(deployment)
        document = await service.draft(deployment.session, tenant, month, author="cli")
        await _record(deployment, "invoice.draft", document)
        return document

    show_document(run(config, task, reason=reason), as_json)


@invoice_app.command("finalise")
def finalise(
    tenant: TenantOption,
    name: WhichArgument = None,
    month: WhichMonth = None,
    expect: Annotated[
        str | None, typer.Option(help="The total that you have seen; another is not issued.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Before the month is over: the rest comes later.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Issue a draft: it gets its number and never changes."""

    async def task(deployment: Deployment) -> "InvoiceDocument":
        service = _service(deployment)
        document = await service.finalise(
            deployment.session,
            tenant,
            await _named(deployment, service, tenant, name, month),
            author="cli",
            expected_total=None if expect is None else parse_amount(expect),
            force=force,
        )
        await _record(deployment, "invoice.finalise", document)
        return document

    show_document(run(config, task, reason=reason), as_json)


@invoice_app.command("list")
def list_invoices(
    tenant: TenantOption,
    month: WhichMonth = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """A tenant's invoices and credit notes, the newest month first."""

    async def task(deployment: Deployment) -> "list[Invoice]":
        service = _service(deployment)
        return await service.of_tenant(deployment.session, tenant, month=month)

    show_list(run(config, task), as_json)


@invoice_app.command("show")
def show(
    tenant: TenantOption,
    name: WhichArgument = None,
    month: WhichMonth = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """An invoice or a credit note with its lines."""

    async def task(deployment: Deployment) -> "InvoiceDocument":
        service = _service(deployment)
        which = await _named(deployment, service, tenant, name, month)
        return await service.get(deployment.session, tenant, which)

    show_document(run(config, task), as_json)


@invoice_app.command("credit")
def credit_note(
    name: NameArgument,
    tenant: TenantOption,
    reason: Annotated[str, typer.Option(help="Stands on the credit note.")],
    amount: Annotated[
        str | None, typer.Option(help="Net of tax, in the invoice's currency; default: the rest.")
    ] = None,
    line: Annotated[
        list[int] | None, typer.Option(help="Instead: a whole line by its position; repeatable.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Issue a credit note about a final invoice, which itself never changes."""
    from billing.invoices.credits import credit
    from gateway.audit.reasons import note_of_command

    note = note_of_command(reason)

    async def task(deployment: Deployment) -> "InvoiceDocument":
        document = await credit(
            deployment.session,
            deployment.clock,
            _terms(deployment),
            tenant,
            name,
            reason=note,
            author="cli",
            amount=None if amount is None else parse_amount(amount),
            positions=line or (),
        )
        await _record(deployment, "invoice.credit", document)
        return document

    show_document(run(config, task, reason=reason), as_json)


@invoice_app.command("export")
def export(
    tenant: TenantOption,
    name: WhichArgument = None,
    month: WhichMonth = None,
    file_format: Annotated[
        InvoiceFormat, typer.Option("--format", help="File format.")
    ] = InvoiceFormat.PDF,
    table: Annotated[
        InvoiceTable, typer.Option(help="csv, parquet: which table.")
    ] = InvoiceTable.LINES,
    out: OutOption = None,
    config: ConfigOption = None,
) -> None:
    """Write an invoice or a credit note as a file."""

    from billing.invoices.loading import export as export_invoice
    from core.database import Database
    from gateway.settings import load_settings

    settings = load_settings(config)
    which = _named_as(config, tenant, name, month)

    async def write(path: Path) -> None:
        database = Database(settings.database.url)
        try:
            await export_invoice(
                database,
                tenant,
                which,
                path,
                file_format,
                table=table,
                font=settings.invoicing.font,
            )
        finally:
            await database.dispose()

    if out is not None:
        asyncio.run(write(out))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "invoice"
        asyncio.run(write(file))
        sys.stdout.buffer.write(file.read_bytes())


def _terms(deployment: Deployment) -> "InvoiceTerms":
    from gateway.invoicing import invoice_terms

    return invoice_terms(deployment.settings, deployment.clock)


def _service(deployment: Deployment) -> "InvoiceService":
    from billing.invoices.service import InvoiceService

    return InvoiceService(deployment.clock, _terms(deployment))


async def _named(
    deployment: Deployment,
    service: "InvoiceService",
    tenant: str,
    name: str | None,
    month: str | None,
) -> str:
    """The invoice that was asked for, by its own name or its month."""
    from billing.errors import UnknownInvoice

    if (name is None) == (month is None):
        raise InvalidRequest("Name an invoice or a month.", param="invoice")
    if name is not None or month is None:
        return name or ""
    invoice = await service.of_month(deployment.session, tenant, month)
    if invoice is None:
        raise UnknownInvoice(f"Tenant {tenant} has no invoice of {month}; draft it first.")
    return invoice.id


def _named_as(config: Path | None, tenant: str, name: str | None, month: str | None) -> str:
    async def task(deployment: Deployment) -> str:
        return await _named(deployment, _service(deployment), tenant, name, month)

    return run(config, task)


async def _record(deployment: Deployment, action: str, document: "InvoiceDocument") -> None:
    invoice = document.invoice
    await deployment.record(invoice.tenant, action, invoice.id, after=document.content())
