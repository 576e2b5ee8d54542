"""Settings of the answer caches (docs/caching.md)."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from gateway.settings.section import Section


class SemanticCachePolicy(Section):
    """Answers to requests whose last user message means the same."""

    model: str = Field(
        min_length=1,
        description="An embedding model of some upstream in a zone that the policy allows. It"
        " gets the masked text, and what it costs is billed.",
    )
    threshold: float = Field(
        default=0.95,
        ge=0.5,
        le=1,
        description="Least cosine similarity. The fitting value depends on the model.",
    )
    max_entries: int = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="Questions compared per tenant, policy and context, in each process.",
    )


class CachePolicy(Section):
    exact: bool = Field(
        default=False, description="Answer a request again that is the same once it is masked."
    )
    semantic: SemanticCachePolicy | None = Field(
        default=None, description="Null: only requests that are the same."
    )
    ttl_s: int = Field(
        default=3600, ge=1, le=30 * 24 * 3600, description="Seconds that an answer is kept."
    )
    only_deterministic: bool = Field(
        default=False,
        description="Only requests that ask for one answer: `temperature` 0 or a `seed`.",
    )
    shared_by: Literal["tenant", "project", "key"] = Field(
        default="tenant", description="Whose requests may get each other's answers."
    )
    hit_price: Decimal = Field(
        default=Decimal(0),
        ge=0,
        le=1,
        decimal_places=2,
        description="What a hit costs, as a share of what the same tokens cost from the upstream,"
        " its input as cached input: `0` nothing, `0.25` a quarter.",
    )

    @property
    def enabled(self) -> bool:
        return self.exact or self.semantic is not None


class CachingSettings(Section):
    """Of each gateway process; which requests are cached is for `policies` to say."""

    memory_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="Memory for answers; the ones unused for longest go first.",
    )
    max_answer_bytes: int = Field(
        default=256 * 1024, ge=1024, description="Longer answers are not kept."
    )
    timeout_ms: int = Field(
        default=50,
        ge=1,
        le=5000,
        description="Longest that a request waits for Redis or Valkey; then it is a miss.",
    )
