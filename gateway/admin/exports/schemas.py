"""Bodies of the export endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Count, Instant, Schema


class ExportKind(StrEnum):
    AUDIT = "audit"
    BILLING = "billing"
    FOCUS = "focus"
    USAGE = "usage"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


class ExportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ExportCreate(Schema):
    """Audit: jsonl, csv, parquet. Billing and usage: csv, parquet, xlsx. FOCUS, of whole
    UTC months: csv, parquet."""

    kind: ExportKind
    format: ExportFormat
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")


class Export(Schema):
    id: str = Field(examples=["job_01k9..."])
    tenant: str = Field(examples=["acme"])
    kind: ExportKind
    format: ExportFormat
    start: Instant
    end: Instant
    status: ExportStatus
    progress: Count = Field(le=100, description="Percent.")
    error: str | None = Field(description="Why it failed: a stable code.")
    size_bytes: Count | None
    created_at: Instant
    finished_at: Instant | None


class ExportList(Schema):
    items: list[Export]
