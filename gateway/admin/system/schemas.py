"""Bodies of the system endpoint: what the deployment's settings say, without secrets."""

from typing import Any

from pydantic import Field

from gateway.admin.schemas import Instant, Schema


class TierView(Schema):
    name: str = Field(examples=["flash"])
    upstream: str = Field(examples=["pool"])
    model: str = Field(examples=["sov-flash"])
    thinking: bool
    effort: str | None = Field(examples=["max"])


class UpstreamView(Schema):
    name: str = Field(examples=["pool"])
    kind: str = Field(examples=["pool"])
    zone: str = Field(description="Residency zone.", examples=["onprem"])
    models: list[str]
    healthy: bool | None = Field(description="Null where it was not asked yet.")
    detail: str | None = Field(description="Why it is not healthy.")


class PriceView(Schema):
    model: str = Field(examples=["sov-flash"])
    currency: str = Field(examples=["USD"])
    effective_from: Instant
    effective_to: Instant | None
    input: str = Field(description="Per `per` tokens, decimal text.", examples=["0.15"])
    cached_input: str
    cache_write: str
    output: str
    reasoning: str
    worker_second: str = Field(description="Per second of a worker's time.")
    per: int = Field(examples=[1000000])


class PolicyView(Schema):
    name: str = Field(examples=["default"])
    zones: list[str]
    document: dict[str, Any] = Field(description="The policy as the settings hold it.")


class System(Schema):
    version: str = Field(examples=["0.1.0"])
    database: str = Field(description="'sqlite' or 'postgresql'.", examples=["sqlite"])
    shared_cache: bool = Field(description="Whether Redis or Valkey is configured.")
    tiers: list[TierView]
    upstreams: list[UpstreamView]
    prices: list[PriceView]
    policies: list[PolicyView]
