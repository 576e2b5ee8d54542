"""Bodies of the endpoints for invoices."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gateway.admin.schemas import Instant, Schema

Exact = Annotated[
    str,
    Field(
        description="Exact decimal text, in the currency that is named beside it.",
        examples=["12.345"],
        pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$",
    ),
]
Month = Annotated[
    str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="UTC.", examples=["2026-11"])
]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
Percent = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,18})?$", description="0 to 100.", examples=["19"]),
]
CostCentre = Annotated[str, Field(min_length=1, max_length=60)]


class InvoiceKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


class InvoiceFormat(StrEnum):
    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


class InvoiceTable(StrEnum):
    LINES = "lines"
    COST_CENTRES = "cost-centres"


class BillingProfile(Schema):
    """Who a tenant is on its invoices. Final invoices keep the profile that they had."""

    legal_name: str = Field(min_length=1, max_length=200)
    address: str = Field(min_length=1, max_length=1000, description="In lines.")
    tax_id: str | None = Field(default=None, max_length=60)
    email: str | None = Field(default=None, max_length=254)
    currency: CurrencyCode = Field(default="USD", description="In which the tenant pays.")
    tax_label: str | None = Field(default=None, max_length=40, examples=["VAT"])
    tax_percent: Percent = "0"
    payment_days: int = Field(default=30, ge=0, le=365, description="From issue to due date.")
    cost_centres: dict[str, CostCentre] = Field(
        default={}, description="By project id; `*` is for all others."
    )


class Invoice(Schema):
    """``net`` = ``subtotal`` * ``exchange_rate`` + ``rounding``; ``total`` = ``net`` + ``tax``."""

    id: str = Field(examples=["inv_01k9..."])
    tenant: str = Field(examples=["acme"])
    kind: InvoiceKind
    status: InvoiceStatus
    number: str | None = Field(description="Null for a draft.", examples=["INV-2026-000001"])
    month: Month
    currency: CurrencyCode = Field(description="Of the lines and the subtotal.")
    subtotal: Exact = Field(description="The exact sum of its ledger entries.")
    payable_currency: CurrencyCode = Field(description="Of net, rounding, tax and total.")
    exchange_rate: Exact | None = Field(description="Null where both currencies are the same.")
    net: Exact
    rounding: Exact
    tax_label: str | None
    tax_percent: Percent
    tax: Exact
    total: Exact
    credits_invoice: str | None = Field(description="Id of the invoice that is credited.")
    reason: str | None
    created_at: Instant
    issued_at: Instant | None
    due_at: Instant | None
    digest: str | None = Field(description="Of the content of a final document.")


class InvoiceList(Schema):
    items: list[Invoice]


class InvoiceLine(Schema):
    """``amount`` = ``quantity`` * ``unit_price`` / ``per``."""

    position: int
    month: Month = Field(description="Of use; another one than the invoice's: carried over.")
    project_id: str | None
    cost_centre: str | None
    model: str | None
    tier: str | None
    price_version: str | None
    token_class: str
    description: str
    quantity: Exact
    unit_price: Exact
    per: int
    amount: Exact
    reference: str | None


class CostShare(Schema):
    cost_centre: str | None
    project_id: str | None
    project: str | None = Field(description="Its name when the invoice was drawn up.")
    amount: Exact


class InvoiceDetail(Invoice):
    seller: dict[str, Any] = Field(description="Empty where the settings name none.")
    buyer: dict[str, Any]
    credits_number: str | None
    credit_notes: list[str] = Field(description="Numbers of the credit notes about it.")
    lines: list[InvoiceLine]
    cost_centres: list[CostShare]


class InvoiceDraft(Schema):
    month: Month


class InvoiceFinalise(Schema):
    expected_total: Exact | None = Field(
        default=None, description="The total that you have seen; another is not issued."
    )
    force: bool = Field(
        default=False, strict=True, description="Before the month is over: the rest comes later."
    )
    reason: str | None = Field(
        default=None, max_length=500, description="Kept in the audit trail; no personal data."
    )


class CreditNoteCreate(Schema):
    """All that is left of the invoice, or an amount, or some lines."""

    reason: str = Field(min_length=1, max_length=200, description="Stands on the credit note.")
    amount: Exact | None = Field(
        default=None, description="Net of tax, in the currency that the invoice is payable in."
    )
    lines: list[int] = Field(default=[], max_length=10_000, description="Positions, each whole.")
