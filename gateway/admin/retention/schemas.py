"""Bodies of the endpoints for stored bodies, holds, erasures and removals."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gateway.admin.schemas import Count, Instant, Schema
from gateway.retention.holds import MOST_IDS

Reason = Annotated[
    str,
    Field(
        min_length=3,
        max_length=500,
        description="Why; kept in the audit trail, so no personal data.",
        examples=["case 2026-117"],
    ),
]
Pseudonym = Annotated[
    str, Field(pattern=r"^eu_[0-9a-f]{24}$", examples=["eu_dccd476b2055a5d25988bbc1"])
]
RecordId = Annotated[str, Field(min_length=1, max_length=64)]


class BodyRead(Schema):
    reason: Reason


class BodyState(StrEnum):
    STORED = "stored"
    EXPIRED = "expired"
    ERASED = "erased"
    LOST = "lost"


class StoredBodyPart(Schema):
    """The prompt as the upstream got it, or the answer as it came back: masked, both."""

    part: str = Field(description="'prompt' or 'answer'.", examples=["prompt"])
    state: BodyState
    content: Any | None = Field(description="Null where it cannot be opened any more.")
    intact: bool = Field(description="Whether the audit record names exactly these sealed bytes.")
    cut: bool = Field(description="Only the beginning was kept.")
    created_at: Instant
    expires_at: Instant
    removed_at: Instant | None


class StoredBodies(Schema):
    request_id: str
    parts: list[StoredBodyPart]


class HoldCreate(Schema):
    """What must stay. All that is given must match; with a reason alone, everything does."""

    reason: Reason
    since: Instant | None = Field(
        default=None, description="Records that joined the chain from then on."
    )
    until: Instant | None = Field(default=None, description="And before then.")
    end_user: Pseudonym | None = Field(default=None, description="Of this end user, by pseudonym.")
    actor: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Of this administrator.", examples=["usr_01k9..."]
    )
    request_ids: list[RecordId] = Field(default=[], max_length=MOST_IDS)


class HoldRelease(Schema):
    reason: Reason


class Hold(Schema):
    id: str = Field(examples=["hold_01k9..."])
    tenant: str
    reason: str
    created_by: str
    created_at: Instant
    since: Instant | None
    until: Instant | None
    end_user: str | None
    actor: str | None
    request_ids: list[str]
    released_at: Instant | None
    released_by: str | None
    release_reason: str | None


class HoldList(Schema):
    items: list[Hold]


class ErasureCreate(Schema):
    """Name the end user as the application does, or by pseudonym; either is needed."""

    reason: Reason
    end_user: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="As the application sends it in `user`; it is not stored."
    )
    pseudonym: Pseudonym | None = None
    values: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        default=[],
        max_length=100,
        description="Names, addresses and the like of the person to erase from the vault, in"
        " clear; they are not stored.",
    )


class Erasure(Schema):
    """A signed statement; docs/content.md says what remains."""

    id: str = Field(examples=["era_01k9..."])
    tenant: str
    pseudonym: str
    at: Instant
    bodies: Count
    conversations: Count
    entries: Count
    reason: str
    key_id: str
    signature: str


class Pruning(Schema):
    """A signed statement that all records up to `last_seq` were removed."""

    tenant: str
    last_seq: Count
    last_hash: str
    at: Instant
    reason: str
    key_id: str
    signature: str


class BodyFigures(Schema):
    stored: Count
    expired: Count
    erased: Count
    lost: Count


class Removals(Schema):
    """What is kept how long, and what was removed of a tenant's trail."""

    retention_days: int | None = Field(description="Of records; null: for ever.")
    bodies: BodyFigures
    prunings: list[Pruning]
    erasures: list[Erasure]
