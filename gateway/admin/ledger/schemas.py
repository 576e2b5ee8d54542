"""Bodies of the ledger endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Amount, Instant, Schema

AMOUNT_OF_EITHER_SIGN = r"^-?[0-9]{1,15}(\.[0-9]{1,18})?$"


class EntryKind(StrEnum):
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    ADJUSTMENT = "adjustment"
    INVOICE = "invoice"
    EXCHANGE = "exchange"
    ROUNDING = "rounding"
    TAX = "tax"
    CREDIT = "credit"


class LedgerEntry(Schema):
    """A movement of money from the account ``credit`` to ``debit``; never changed."""

    id: int = Field(description="Its place in the ledger of the deployment.", examples=[4711])
    request_id: str = Field(description="Of a request, or the entry's own.")
    kind: EntryKind
    at: Instant
    amount: Amount
    currency: str = Field(examples=["USD"])
    debit: str = Field(examples=["unbilled"])
    credit: str = Field(examples=["revenue"])
    reference: str | None = Field(description="What it corrects, or belongs to.")
    reason: str | None
    author: str | None


class LedgerPage(Schema):
    items: list[LedgerEntry]
    next_before: int | None = Field(
        description="Pass as `before` for the entries that come next; null where there are none."
    )


class AdjustmentCreate(Schema):
    """A correction: what was written stays, and an entry of the difference is added."""

    amount_usd: str = Field(
        pattern=AMOUNT_OF_EITHER_SIGN,
        description="Exact decimal text: positive charges, negative credits.",
        examples=["-0.25"],
    )
    reason: str = Field(
        min_length=1, max_length=200, description="Stands on the invoice; no personal data."
    )
    request_id: str | None = Field(
        default=None,
        max_length=64,
        description="The request that it corrects: it counts in that one's budgets.",
    )
    at: Instant | None = Field(
        default=None, description="Its date, in a month that is not invoiced; null: now."
    )


class RerateCreate(Schema):
    """Bring what was settled to the prices of the book as it is now."""

    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    model: str | None = Field(default=None, max_length=200, description="Only requests of it.")
    dry_run: bool = Field(
        default=True, strict=True, description="Say what would be written, and write nothing."
    )


class Proof(Schema):
    """A figure from two sources; null where a source cannot tell."""

    what: str = Field(examples=["cost"])
    left_source: str = Field(examples=["settle entries"])
    left: str | None
    right_source: str = Field(examples=["usage records"])
    right: str | None
    difference: str | None
    equal: bool


class LedgerCheck(Schema):
    """Whether the tenant's books agree; the deployment's check is the job `rollups.verify`."""

    tenant: str
    start: Instant
    end: Instant
    ok: bool
    proofs: list[Proof]
