"""Bodies of the overview endpoint."""

from pydantic import Field

from gateway.admin.schemas import Amount, Count, Instant, Schema


class Share(Schema):
    """One tier's or upstream's part of a window."""

    name: str | None = Field(description="Null where none was chosen.", examples=["flash"])
    requests: Count
    tokens: Count
    cost_usd: Amount


class Window(Schema):
    """Sums over a span of time that ends now."""

    start: Instant
    end: Instant
    requests: Count = Field(description="Requests with an audit record.")
    blocked: Count = Field(description="Refused by a guard.")
    denied: Count = Field(description="Refused for budget, limit, residency or a wrong request.")
    masked: Count = Field(description="Requests in which personal data was masked.")
    failed: Count = Field(description="Ended by an error, an outage or a disconnect.")
    input_tokens: Count
    output_tokens: Count
    cost_usd: Amount
    by_tier: list[Share]
    by_upstream: list[Share]


class Overview(Schema):
    tenants: list[str] = Field(description="The tenants that the sums cover.")
    last_24h: Window
    last_30d: Window
