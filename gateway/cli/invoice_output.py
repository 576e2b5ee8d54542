"""How ``sovgate invoice`` shows invoices: as tables for people, or as JSON."""

from typing import TYPE_CHECKING

from core.money import format_amount
from gateway.cli.options import print_json, print_table

if TYPE_CHECKING:
    from billing.invoices.document import InvoiceDocument
    from billing.models import Invoice, InvoiceLine


def show_document(document: "InvoiceDocument", as_json: bool) -> None:
    """Its lines, then what describes the whole."""
    if as_json:
        print_json(document.to_json())
        return
    print_table([_line(line) for line in document.lines])
    print()
    for name, value in document.facts().items():
        print(f"{name}: {value}")


def show_list(invoices: "list[Invoice]", as_json: bool) -> None:
    rows = [_row(invoice) for invoice in invoices]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def _line(line: "InvoiceLine") -> dict[str, str | int | None]:
    row: dict[str, str | int | None] = {"position": line.position}
    row |= {name: getattr(line, name) for name in ("month", "cost_centre", "project_id", "model")}
    return row | {
        "description": line.description,
        "quantity": format_amount(line.quantity),
        "amount": format_amount(line.amount),
    }


def _row(invoice: "Invoice") -> dict[str, str | None]:
    return {
        "number": invoice.number,
        "id": invoice.id,
        "kind": invoice.kind,
        "status": invoice.status,
        "month": invoice.month,
        "total": format_amount(invoice.total),
        "currency": invoice.payable_currency,
        "issued": None if invoice.issued_at is None else f"{invoice.issued_at:%Y-%m-%d}",
        "due": None if invoice.due_at is None else f"{invoice.due_at:%Y-%m-%d}",
    }
