"""Settings of files, batches and idempotency keys."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from gateway.settings.section import Section


class FileSettings(Section):
    max_file_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1024, description="Largest file; beyond it: 413."
    )
    max_tenant_bytes: int = Field(
        default=2 * 1024 * 1024 * 1024,
        ge=1024,
        description="All files of a tenant together, those that batches write included.",
    )
    retention_days: int = Field(
        default=30, ge=1, description="Days that a file without `expires_after` is kept."
    )


class BatchSettings(Section):
    enabled: bool = Field(
        default=True, description="Whether `/v1/batches` takes new batches; running ones go on."
    )
    max_lines: int = Field(default=50_000, ge=1, description="Requests of one batch.")
    parallel: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Requests of one batch that are asked at the same time.",
    )
    turn_s: float = Field(
        default=20.0,
        gt=0,
        description="Seconds that a batch is worked on before waiting jobs get their turn.",
    )
    gateway_url: str | None = Field(
        default=None,
        description="Where job workers reach a gateway, such as `http://gateway:8080`; null:"
        " `server.port` of the machine that the worker runs on.",
    )

    @field_validator("gateway_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
                raise ValueError("write it as http://host:port")
        return None if url is None else url.rstrip("/")


class IdempotencySettings(Section):
    enabled: bool = Field(
        default=True, description="Whether the header `Idempotency-Key` is honoured."
    )
    keep_hours: int = Field(
        default=24, ge=1, le=720, description="Hours that a key and its answer are kept."
    )
    max_answer_bytes: int = Field(
        default=4 * 1024 * 1024,
        ge=1024,
        description="Largest answer that is kept; of a larger one a repetition gets 410.",
    )
