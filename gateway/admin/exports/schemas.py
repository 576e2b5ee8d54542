"""Bodies of the export endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.audit.schemas import AuditFilter
from gateway.admin.schemas import Count, Instant, Schema
from gateway.admin.usage.schemas import UsageGroup


class ExportKind(StrEnum):
    AUDIT = "audit"
    BILLING = "billing"
    EVIDENCE = "evidence"
    FOCUS = "focus"
    RECONCILIATION = "reconciliation"
    SAVINGS = "savings"
    USAGE = "usage"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"
    ZIP = "zip"


class ExportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SavingsOptions(Schema):
    """What a savings report compares with; see `GET /tenants/{tenant}/savings`."""

    baseline: str = Field(max_length=200, examples=["gpt-5.5"])
    always_think: str | None = Field(default=None, max_length=40)
    reasoning_ratio: str | None = Field(default=None, pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$")
    precise: bool = Field(default=False, strict=True)


class ExportCreate(Schema):
    """Audit: jsonl, csv, parquet. Billing, savings and usage: csv, parquet, xlsx.
    Evidence: json, html, pdf, zip. Reconciliation: xlsx. FOCUS, of whole UTC months: csv,
    parquet."""

    kind: ExportKind
    format: ExportFormat
    start: Instant = Field(description="Inclusive.")
    end: Instant = Field(description="Exclusive.")
    group_by: list[UsageGroup] | None = Field(
        default=None, min_length=1, max_length=14, description="Of usage."
    )
    savings: SavingsOptions | None = Field(default=None, description="Of savings: needed.")
    filter: AuditFilter | None = Field(
        default=None,
        description="Of audit: only these records, each with a proof; that none is missing is"
        " then not proven.",
    )


class Export(Schema):
    id: str = Field(examples=["job_01k9..."])
    tenant: str = Field(examples=["acme"])
    kind: ExportKind
    format: ExportFormat
    start: Instant
    end: Instant
    filter: AuditFilter | None = Field(description="Of audit, if it has one.")
    status: ExportStatus
    progress: Count = Field(le=100, description="Percent.")
    error: str | None = Field(description="Why it failed: a stable code.")
    size_bytes: Count | None
    created_at: Instant
    finished_at: Instant | None


class ExportList(Schema):
    items: list[Export]
