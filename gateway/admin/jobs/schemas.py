"""Bodies of the job endpoints."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Header
from pydantic import Field

from gateway.admin.schemas import Count, Instant, Schema

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,64}$",
        description="A second request of the account with the same key is the same job.",
    ),
]


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobCreate(Schema):
    """One of the kinds of the schedule, now."""

    kind: str = Field(max_length=40, examples=["rollups.verify"])
    params: dict[str, Annotated[str, Field(max_length=200)]] = Field(
        default={}, max_length=10, description="What the kind takes; most take nothing."
    )


class Job(Schema):
    id: str = Field(examples=["job_01k9..."])
    tenant: str = Field(
        description="`@system` for jobs of the whole deployment.", examples=["acme"]
    )
    kind: str = Field(examples=["rollups.verify"])
    params: dict[str, Any]
    status: JobStatus
    progress: Count = Field(le=100, description="Percent.")
    attempts: Count
    result: dict[str, Any] | None = Field(
        description="Facts of a job that is done; of one that failed, what to do."
    )
    error: str | None = Field(description="Why it failed, or is tried again: a stable code.")
    has_file: bool
    created_at: Instant
    not_before: Instant | None = Field(description="When it is tried again.")
    started_at: Instant | None
    finished_at: Instant | None


class JobList(Schema):
    items: list[Job]


class ScheduledKind(Schema):
    kind: str = Field(examples=["retention"])
    cadence: str = Field(
        description="`every 5m`, `daily 02:00`, `monthly 1 04:00` (UTC) or `off`.",
        examples=["daily 03:00"],
    )
    next_at: Instant | None = Field(description="Null where it is off.")
    latest: Job | None = Field(description="The newest job of the kind.")


class JobSchedule(Schema):
    items: list[ScheduledKind]
