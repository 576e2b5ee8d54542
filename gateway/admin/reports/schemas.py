"""Bodies of the endpoints for savings and reconciliation."""

from pydantic import Field

from gateway.admin.ledger.schemas import Proof
from gateway.admin.schemas import Amount, Count, Instant, Schema

Ratio = str | None


class SavingsRow(Schema):
    """One trend, or the total."""

    tenant: str | None
    trend: str | None = Field(examples=["code"])
    requests: Count = Field(description="Those compared.")
    unpriced_requests: Count = Field(description="Left out of all costs.")
    cost: Amount = Field(description="What was paid, with corrections.")
    baseline: Amount = Field(description="What the baseline model would have cost.")
    baseline_ratio: Ratio = Field(description="Baseline / cost; null where nothing was paid.")
    always_think: Amount | None = Field(
        default=None, description="What thinking always would have cost, where asked."
    )
    always_think_ratio: Ratio = None
    reasoning_ratio: Ratio = Field(
        default=None, description="Reasoning tokens per output token that this assumes."
    )
    reasoning_source: str | None = Field(
        default=None, description="Where that ratio comes from: measured on what, or assumed."
    )


class AlwaysThink(Schema):
    tier: str = Field(examples=["think-max"])
    model: str


class SavingsClaim(Schema):
    """The claim of vendors that it is a sixth of the cost, checked."""

    factor: str = Field(examples=["6"])
    holds: bool | None = Field(description="Null where nothing was paid.")
    verdict: str


class Savings(Schema):
    """What the same traffic would have cost otherwise."""

    tenant: str | None
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    currency: str = Field(examples=["USD"])
    baseline: str = Field(examples=["gpt-5.5"])
    always_think: AlwaysThink | None
    precise: bool
    rows: list[SavingsRow]
    tenants: list[SavingsRow]
    total: SavingsRow
    claim: SavingsClaim
    notes: list[str] = Field(description="What the figures assume and leave out.")


class ReconciliationSums(Schema):
    requests: Count
    counted_by_upstream: Count
    counted_by_us: Count
    cut_requests: Count
    unpriced_requests: Count
    input_tokens: Count
    cached_input_tokens: Count
    cache_write_tokens: Count
    output_tokens: Count
    reasoning_tokens: Count
    guard_tokens: Count
    embedding_tokens: Count
    worker_seconds: str
    surcharge: Amount
    cost: Amount


class ReconciliationRow(ReconciliationSums):
    upstream: str | None
    model: str | None
    zone: str | None


class ChargedSums(Schema):
    """What the ledger charged in the span."""

    settled_requests: Count
    settled: Amount
    adjustments: Count
    adjusted: Amount
    total: Amount


class NotableRequest(Schema):
    request_id: str
    tenant: str
    at: Instant
    model: str
    upstream: str | None
    input_tokens: Count
    output_tokens: Count
    cost: Amount
    ended: str


class NotableRequests(Schema):
    kind: str = Field(description="unpriced, estimated or cut.")
    count: Count = Field(description="Of all; `requests` holds the first of them.")
    cost: Amount
    requests: list[NotableRequest]


class Reconciliation(Schema):
    """Ledger, usage records, roll-ups, invoices and audit trail side by side."""

    tenant: str | None
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    currency: str
    ok: bool = Field(description="Every proof is equal.")
    rows: list[ReconciliationRow]
    total: ReconciliationSums
    charged: ChargedSums
    proofs: list[Proof]
    notable: list[NotableRequests]
