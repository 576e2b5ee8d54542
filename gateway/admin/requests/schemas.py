"""What is known of one request."""

from pydantic import Field

from gateway.admin.audit.schemas import AuditCheckpoint, AuditRecord
from gateway.admin.ledger.schemas import LedgerEntry
from gateway.admin.schemas import Count, Schema


class TimelineStep(Schema):
    """A stage of the request, in microseconds from its first byte."""

    stage: str = Field(examples=["inspect_input"])
    start_us: Count
    duration_us: Count


class RequestDetails(Schema):
    tenant: str = Field(examples=["acme"])
    record: AuditRecord
    checkpoint: AuditCheckpoint | None = Field(
        description="The first checkpoint that covers the record; null: none does yet."
    )
    explanation: str | None = Field(
        description="In one sentence, where it went and why; null for one that was not routed."
    )
    timeline: list[TimelineStep] = Field(description="In order; a stage begins where one ended.")
    ledger: list[LedgerEntry] = Field(description="What was reserved, settled, corrected.")
