"""Bodies of the virtual key endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Instant, LimitsBody, LimitsInput, Name, Schema


class KeyStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


class VirtualKey(Schema):
    id: str = Field(examples=["key_01k9..."])
    tenant: str = Field(examples=["acme"])
    project_id: str = Field(examples=["prj_01k9..."])
    name: str = Field(examples=["app"])
    prefix: str = Field(description="The first characters, for recognition.", examples=["sov-4Kd9"])
    status: KeyStatus
    limits: LimitsBody
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class VirtualKeyList(Schema):
    items: list[VirtualKey]


class VirtualKeyCreate(Schema):
    name: Name
    project_id: str | None = Field(
        default=None, max_length=64, description="The tenant's 'default' project where null."
    )
    limits: LimitsInput = Field(
        default=LimitsInput(), description="Can narrow the tenant's limits, never widen them."
    )
    expires_at: Instant | None = None


class VirtualKeyCreated(VirtualKey):
    """The only answer that holds the key itself; it is stored as a keyed hash."""

    api_key: str = Field(description="Shown this once.", examples=["sov-4Kd9..."])
