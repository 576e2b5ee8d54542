"""Bodies of the audit endpoint."""

from typing import Any

from pydantic import Field

from gateway.admin.schemas import Count, Instant, Schema


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
    """Newest first."""

    items: list[AuditRecord]
    next_before: int | None = Field(
        description="Pass it as 'before' for the next older page; null at the end."
    )
