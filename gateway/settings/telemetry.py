"""Settings of traces and metrics (docs/observability.md)."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from gateway.settings.section import Section


class TelemetrySettings(Section):
    otlp_endpoint: str | None = Field(
        default=None,
        description="An OpenTelemetry collector, such as `http://127.0.0.1:4318`: traces go to its"
        " `/v1/traces`, metrics to `/v1/metrics`, as OTLP over HTTP in protobuf. Null: none.",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust (PEM) in place of the system's."
    )
    headers_env: str | None = Field(
        default=None,
        description="Environment variable with headers for the collector: `name=value,name=value`.",
    )
    traces: bool = Field(default=True, description="Send traces, where there is a collector.")
    metrics: bool = Field(default=False, description="Send it metrics too.")
    sample_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of requests that are traced where the client's `traceparent` does not"
        " decide.",
    )
    interval_s: float = Field(default=2.0, gt=0, le=60, description="Between exports of traces.")
    metrics_interval_s: float = Field(
        default=15.0, gt=0, le=3600, description="Between exports of metrics."
    )
    queue_length: int = Field(
        default=2048,
        ge=1,
        le=100_000,
        description="Requests whose traces may wait; beyond it they are dropped and counted.",
    )
    service_name: str = Field(default="sovgate", description="`service.name` of the resource.")
    tenants: list[str] = Field(
        default=[],
        max_length=200,
        description="Tenants with series of their own in metrics; the others are counted as one.",
    )

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
                raise ValueError("use https://HOST:PORT or http://HOST:PORT")
        return url
