"""How it bills, and who issues invoices."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.section import Section


class BillingSettings(Section):
    unpriced: Literal["allow", "refuse"] = Field(
        default="allow",
        description="A model without a price: `allow` serves it at 0 under the price version"
        " `unpriced`, which headers, records and reports show; `refuse` answers 503.",
    )
    reserve: Literal["strict", "learned"] = Field(
        default="strict",
        description="What a request sets aside in hard budgets: `strict`, the most it can cost;"
        " `learned`, half more than the most of a model's last thousand requests. With the"
        " latter a budget can be passed by what a request uses beyond that.",
    )


class SellerSettings(Section):
    name: str = Field(description="Who issues the invoices.", max_length=200)
    address: str = Field(description="In lines.", max_length=1000)
    tax_id: str | None = Field(default=None, description="Such as a VAT number.", max_length=60)
    email: str | None = Field(default=None, description="For questions.", max_length=254)
    payment: str | None = Field(
        default=None, description="How to pay: bank, IBAN; in lines.", max_length=1000
    )
    note: str | None = Field(
        default=None, description="What has to stand on every invoice; in lines.", max_length=2000
    )


Series = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,10}$")]


class InvoicingSettings(Section):
    seller: SellerSettings | None = Field(
        default=None, description="Null: there are drafts, but no invoice can be issued."
    )
    series: Series = Field(default="INV", description="Start of invoice numbers.")
    credit_series: Series = Field(default="CN", description="Start of credit notes' numbers.")
    font: Path | None = Field(
        default=None,
        description="A TrueType file to embed into PDFs, for what DejaVu Sans lacks; null: Chinese,"
        " Japanese and Korean are shown in a font of the reader's.",
    )
