"""Bodies of the usage endpoint."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Amount, Count, Instant, Schema


class UsageGroup(StrEnum):
    DAY = "day"
    MODEL = "model"
    TIER = "tier"
    UPSTREAM = "upstream"
    PROJECT = "project"
    KEY = "key"


class UsageTotals(Schema):
    requests: Count
    input_tokens: Count = Field(description="Fresh input tokens; the five classes are disjoint.")
    cached_input_tokens: Count
    cache_write_tokens: Count
    output_tokens: Count
    reasoning_tokens: Count
    worker_seconds: str = Field(examples=["12.5"], pattern=r"^[0-9]+(\.[0-9]+)?$")
    cost_usd: Amount


class UsageRow(UsageTotals):
    group: str | None = Field(
        description="The day (YYYY-MM-DD), model, tier, upstream, project id or key id.",
        examples=["flash"],
    )


class Usage(Schema):
    """Settled usage of a tenant from the ledger."""

    tenant: str = Field(examples=["acme"])
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    group_by: UsageGroup
    rows: list[UsageRow]
    total: UsageTotals
