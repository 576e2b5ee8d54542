"""Bodies of the usage endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Amount, Count, Instant, Schema


class UsageGroup(StrEnum):
    DAY = "day"
    HOUR = "hour"
    KEY = "key"
    MODEL = "model"
    MONTH = "month"
    PRICE_VERSION = "price_version"
    PROJECT = "project"
    TENANT = "tenant"
    TIER = "tier"
    TOKEN_CLASS = "token_class"
    TREND = "trend"
    UPSTREAM = "upstream"
    USER = "user"
    ZONE = "zone"


class UsageSums(Schema):
    input_tokens: Count = Field(description="Fresh input tokens; the seven classes are disjoint.")
    cached_input_tokens: Count
    cache_write_tokens: Count
    output_tokens: Count
    reasoning_tokens: Count
    guard_tokens: Count = Field(description="Of guards that are models.")
    embedding_tokens: Count
    worker_seconds: str = Field(examples=["12.5"], pattern=r"^[0-9]+(\.[0-9]+)?$")
    surcharge_usd: Amount = Field(description="What minimum charges added; part of the cost.")
    cost_usd: Amount


class UsageTotals(UsageSums):
    requests: Count
    estimated_requests: Count = Field(description="Counted by us, since the upstream did not.")
    cut_requests: Count = Field(description="Disconnected, interrupted or ended by an error.")
    unpriced_requests: Count = Field(description="Of models that had no price.")


class UsageRow(UsageSums):
    """One group. Rows of a token class have no counts of requests: a request uses several."""

    group: str | None = Field(
        description="The value of group_by: a day (YYYY-MM-DD), a model, a project's id.",
        examples=["flash"],
    )
    then: str | None = Field(description="The value of then_by.")
    requests: Count | None
    estimated_requests: Count | None
    cut_requests: Count | None
    unpriced_requests: Count | None


class Usage(Schema):
    """Settled usage from the ledger."""

    tenant: str | None = Field(description="Null: all that the account may see.", examples=["acme"])
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    group_by: UsageGroup
    then_by: UsageGroup | None
    rows: list[UsageRow]
    total: UsageTotals
