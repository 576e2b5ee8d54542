"""Settings of what is done about upstreams that fail (docs/resilience.md)."""

from typing import Literal

from pydantic import Field

from gateway.settings.section import Section

RetryReason = Literal["unreachable", "broken", "failed", "rate_limited", "timeout"]


class ResilienceSettings(Section):
    """Of one upstream, in each gateway process."""

    first_token_timeout_s: float | None = Field(
        default=None,
        gt=0,
        le=3600,
        description="Longest wait for the first event of a stream; null: `read_timeout_s`.",
    )
    retry_on: list[RetryReason] = Field(
        default=["unreachable", "broken", "failed", "rate_limited"],
        description="What `retries` is for. `unreachable`: no connection; `broken`: it ended before"
        " an answer; `failed`: status 500, 502, 503, 504; `rate_limited`: 429 with Retry-After;"
        " `timeout`: silence, after which the work may be done and paid for twice.",
    )
    retry_percent: int = Field(
        default=20,
        ge=0,
        le=100,
        description="Further attempts, and second ones of hedging, per 100 requests.",
    )
    retry_reserve: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="Further attempts beyond `retry_percent` that it may save up; earned back"
        " within 10 s.",
    )
    backoff_ms: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="Wait before a further attempt: a random part of this, doubled each time.",
    )
    backoff_max_ms: int = Field(default=1000, ge=0, le=60_000, description="Bound of that.")
    retry_after_max_s: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Longest Retry-After that is waited for within a request.",
    )
    hedge_after_ms: int | None = Field(
        default=None,
        ge=1,
        le=600_000,
        description="Ask another server of the pool too when the first has not begun to answer"
        " for so long; the first answer wins. Null: never.",
    )
    breaker_percent: int | None = Field(
        default=50,
        ge=1,
        le=100,
        description="Share of failed attempts from which the upstream is left alone; null: never.",
    )
    breaker_minimum: int = Field(
        default=20, ge=1, le=100_000, description="Attempts below which that share says nothing."
    )
    breaker_window_s: float = Field(default=10.0, gt=0, le=600, description="Of those attempts.")
    breaker_open_s: float = Field(
        default=5.0, gt=0, le=600, description="How long it is left alone before one request tries."
    )
    eject_after: int | None = Field(
        default=5,
        ge=1,
        le=1000,
        description="Failures in a row after which a server of a pool is passed over; null: never.",
    )
    eject_latency_factor: float | None = Field(
        default=None,
        gt=1,
        le=1000,
        description="Pass over a server that begins to answer so many times later than the median"
        " of the pool; null: never.",
    )
    eject_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="How long, times the ejections in a row; its share comes back over as long.",
    )
    eject_max_percent: int = Field(
        default=50,
        ge=0,
        le=100,
        description="Of a pool's servers that may be passed over; one at least, of two or more.",
    )
    max_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Requests at the upstream at a time, per gateway process; null: no bound.",
    )
    queue_length: int = Field(
        default=100, ge=0, le=100_000, description="Requests that may wait for their turn."
    )
    queue_timeout_s: float = Field(
        default=10.0, gt=0, le=600, description="How long each of them may."
    )


class FallbackSettings(Section):
    """A further place for the requests of a tier."""

    upstream: str = Field(description="Name of the upstream.")
    model: str = Field(description="A model of that upstream.")
