"""An invoice with its lines: its content, its digest, and the tables that files are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.invoices.repository import CREDIT_NOTE, FINAL
from billing.models import Invoice, InvoiceLine
from billing.reports.table import Cell, Column, ColumnKind, Table
from core import canonical
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount

_LINE_TEXTS = ("month", "project_id", "cost_centre", "model", "tier", "price_version")
_LINE_TEXTS += ("token_class", "description", "reference")
_LINE_AMOUNTS = ("quantity", "unit_price", "amount")


@dataclass(frozen=True, slots=True)
class CostShare:
    """What one project of one cost centre comes to, in the ledger's currency."""

    cost_centre: str | None
    project_id: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """A draft, a final invoice or a credit note, as it is shown and written.

    Args:
        credited: number of the invoice that a credit note is about.
        credit_notes: numbers of the credit notes about this invoice; not part of
            the document itself, which does not change when they are issued.
    """

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    credited: str | None = None
    credit_notes: Sequence[str] = ()

    @property
    def is_final(self) -> bool:
        return self.invoice.status == FINAL

    @property
    def is_credit_note(self) -> bool:
        return self.invoice.kind == CREDIT_NOTE

    @property
    def name(self) -> str:
        """For files and titles: the number, or what a draft is of."""
        return self.invoice.number or f"DRAFT-{self.invoice.tenant}-{self.invoice.month}"

    @property
    def project_names(self) -> dict[str, str]:
        """Names of projects by id, as they were when this was drawn up."""
        return self.invoice.buyer.get("projects", {})

    def project_name(self, project_id: str | None) -> str | None:
        return None if project_id is None else self.project_names.get(project_id, project_id)

    @property
    def cost_shares(self) -> list[CostShare]:
        """By cost centre and project, in the order of the lines; together the subtotal."""
        shares: dict[tuple[str | None, str | None], Decimal] = {}
        for line in self.lines:
            key = line.cost_centre, line.project_id
            shares[key] = EXACT.add(shares.get(key, ZERO), line.amount)
        ordered = sorted(shares, key=lambda key: [(name is None, name or "") for name in key])
        return [CostShare(*key, shares[key]) for key in ordered]

    @property
    def converted(self) -> Decimal:
        """The subtotal in the payable currency, before rounding."""
        return EXACT.subtract(self.invoice.net, self.invoice.rounding)

    def content(self) -> dict[str, Any]:
        """All that a final document says; ``digest`` is taken of it."""
        invoice = self.invoice
        names = ("id", "tenant", "kind", "number", "month", "currency", "payable_currency")
        names += ("exchange_source", "tax_label", "last_entry", "seller", "buyer")
        names += ("credits_invoice", "reason", "issued_by")
        body: dict[str, Any] = {name: getattr(invoice, name) for name in names}
        amounts = ("subtotal", "exchange_rate", "net", "rounding", "tax_percent", "tax", "total")
        body |= {name: _amount(getattr(invoice, name)) for name in amounts}
        instants = ("starts_at", "ends_at", "exchange_since", "issued_at", "due_at")
        body |= {name: _instant(getattr(invoice, name)) for name in instants}
        return body | {"lines": [_line_to_json(line) for line in self.lines]}

    def digest(self) -> str:
        return canonical.digest(self.content())

    def to_json(self) -> dict[str, Any]:
        """The content, and what follows from it."""
        shares = [
            {
                "cost_centre": share.cost_centre,
                "project_id": share.project_id,
                "project": self.project_name(share.project_id),
                "amount": format_amount(share.amount),
            }
            for share in self.cost_shares
        ]
        more = {"status": self.invoice.status, "digest": self.invoice.digest}
        more |= {"credits_number": self.credited, "credit_notes": list(self.credit_notes)}
        return self.content() | more | {"cost_centres": shares}

    def lines_table(self) -> Table:
        columns = [Column("invoice"), Column("position", ColumnKind.INTEGER), Column("month")]
        columns += [Column("cost_centre"), Column("project_id"), Column("project")]
        columns += [Column(name) for name in ("model", "tier", "price_version", "token_class")]
        columns += [Column("description"), Column("quantity", ColumnKind.AMOUNT)]
        columns += [Column("unit_price", ColumnKind.AMOUNT), Column("per", ColumnKind.INTEGER)]
        columns += [Column("currency"), Column("amount", ColumnKind.AMOUNT), Column("reference")]
        rows = [self._line_cells(line) for line in self.lines]
        return Table("lines", columns, rows, self.facts())

    def cost_centres_table(self) -> Table:
        columns = [Column("invoice"), Column("cost_centre"), Column("project_id")]
        columns += [Column("project"), Column("currency"), Column("amount", ColumnKind.AMOUNT)]
        currency = self.invoice.currency
        rows: list[list[Cell]] = []
        for share in self.cost_shares:
            project = self.project_name(share.project_id)
            place: list[Cell] = [self.name, share.cost_centre, share.project_id, project]
            rows.append([*place, currency, share.amount])
        return Table("cost centres", columns, rows, self.facts())

    def facts(self) -> dict[str, str]:
        """What describes the whole, as text; missing values are left out."""
        invoice = self.invoice
        facts: dict[str, str | None] = {
            "document": "credit note" if self.is_credit_note else "invoice",
            "status": invoice.status,
            "number": invoice.number,
            "credits": self.credited,
            "tenant": invoice.tenant,
            "month": invoice.month,
            "from": isoformat(invoice.starts_at),
            "to": isoformat(invoice.ends_at),
            "issued_at": _instant(invoice.issued_at),
            "due_at": _instant(invoice.due_at),
            "currency": invoice.currency,
            "subtotal": _amount(invoice.subtotal),
            "payable_currency": invoice.payable_currency,
            "exchange_rate": _amount(invoice.exchange_rate),
            "converted": _amount(self.converted),
            "rounding": _amount(invoice.rounding),
            "net": _amount(invoice.net),
            "tax_label": invoice.tax_label,
            "tax_percent": _amount(invoice.tax_percent),
            "tax": _amount(invoice.tax),
            "total": _amount(invoice.total),
            "lines": str(len(self.lines)),
            "last_ledger_entry": str(invoice.last_entry),
            "digest": invoice.digest,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _line_cells(self, line: InvoiceLine) -> list[Cell]:
        where: list[Cell] = [self.name, line.position, line.month, line.cost_centre]
        where += [line.project_id, self.project_name(line.project_id)]
        what: list[Cell] = [line.model, line.tier, line.price_version, line.token_class]
        what += [line.description, line.quantity, line.unit_price, line.per]
        return [*where, *what, self.invoice.currency, line.amount, line.reference]


def sum_of(lines: Iterable[InvoiceLine]) -> Decimal:
    total = ZERO
    for line in lines:
        total = EXACT.add(total, line.amount)
    return total


def _line_to_json(line: InvoiceLine) -> dict[str, Any]:
    body: dict[str, Any] = {name: getattr(line, name) for name in _LINE_TEXTS}
    body |= {name: format_amount(getattr(line, name)) for name in _LINE_AMOUNTS}
    return {"position": line.position, **body, "per": line.per}


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else format_amount(value)


def _instant(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
