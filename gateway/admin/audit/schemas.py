"""Bodies and queries of the audit endpoints."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gateway.admin.jobs.schemas import JobStatus
from gateway.admin.schemas import Count, Instant, Schema
from gateway.audit.filters import MAX_LENGTH

Text = Annotated[str | None, Field(min_length=1, max_length=MAX_LENGTH)]


class AuditFilter(Schema):
    """Which records: all that is given must hold, and texts are compared whole."""

    kind: Text = Field(default=None, description="'request' or 'admin'.", examples=["request"])
    request_id: Text = Field(default=None, examples=["req_01k9..."])
    actor: Text = Field(default=None, description="Who administered.", examples=["usr_01k9..."])
    method: Text = Field(default=None, description="How they did.", examples=["session"])
    action: Text = Field(
        default=None,
        description="Of an administrator, or of a guard: `mask`, `flag`, `block`.",
        examples=["key.create"],
    )
    target: Text = Field(default=None, description="What was changed.", examples=["key_01k9..."])
    outcome: Text = Field(
        default=None, description="How a request ended.", examples=["completed", "blocked"]
    )
    verdict: Text = Field(default=None, description="Of some guard.", examples=["found"])
    category: Text = Field(default=None, description="Of some guard's verdict.")
    error_code: Text = Field(default=None, examples=["budget_exceeded"])
    upstream: Text = Field(default=None, examples=["pool"])
    zone: Text = Field(default=None, examples=["onprem"])
    model: Text = Field(default=None, description="As the upstream was asked for it.")
    tier: Text = Field(default=None, examples=["flash"])
    key_id: Text = Field(default=None, examples=["key_01k9..."])
    project: Text = Field(default=None, examples=["prj_01k9..."])
    user: Text = Field(default=None, description="The pseudonym of an end user.")


class AuditQuery(AuditFilter):
    """A page of the records that a filter leaves."""

    start: Instant | None = Field(
        default=None, alias="from", description="When it joined the chain; inclusive."
    )
    end: Instant | None = Field(default=None, alias="to", description="Exclusive.")
    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, description="Only records with a smaller 'seq'.")


class AuditRecord(Schema):
    """One link of the tenant's hash chain."""

    seq: Count = Field(description="Position in the chain.")
    request_id: str = Field(examples=["req_01k9..."])
    kind: str = Field(description="'request', 'admin', ...", examples=["request"])
    at: Instant
    prev_hash: str
    hash: str
    body: dict[str, Any] = Field(
        description="The record as it was hashed; the fields are listed in docs/audit.md."
    )


class AuditPage(Schema):
    """Newest first. With a filter a page may hold fewer records than there are, or none:
    only a `next_before` of null means that all were looked at."""

    items: list[AuditRecord]
    next_before: int | None = Field(
        description="Pass it as 'before' for the next older page; null at the end."
    )


class AuditCheckpoint(Schema):
    """A signed statement about all records up to `seq`."""

    seq: Count
    hash: str = Field(description="Of the record `seq`.")
    at: Instant
    key_id: str = Field(description="Of the key that signed it.", examples=["56475aa75463474c"])


class AuditRecordDetails(Schema):
    record: AuditRecord
    checkpoint: AuditCheckpoint | None = Field(
        description="The first checkpoint that covers the record; null: none does yet."
    )


class VerificationSource(StrEnum):
    SCHEDULE = "schedule"
    REQUEST = "request"


class AuditVerification(Schema):
    """One walk over the whole chain, comparing it with its checkpoints."""

    job_id: str
    status: JobStatus
    source: VerificationSource = Field(description="The nightly job, or somebody's request.")
    started_at: Instant | None
    finished_at: Instant | None
    ok: bool | None = Field(description="Null while it runs, and where it could not.")
    records: Count | None
    summary: str | None = Field(description="One sentence.")


class AuditIntegrity(Schema):
    """Where a tenant's chain ends, what is signed of it, and how it verified last."""

    records: Count = Field(description="Number of the newest record.")
    head_hash: str | None
    unsigned: Count = Field(description="Records that no checkpoint covers yet.")
    checkpoint: AuditCheckpoint | None = Field(description="The newest.")
    verification: AuditVerification | None = Field(description="The newest.")
