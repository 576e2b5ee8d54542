"""Bodies of the tenant endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Instant, LimitsBody, LimitsInput, Name, Schema, Slug


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Tenant(Schema):
    name: str = Field(description="The tenant's identifier everywhere.", examples=["acme"])
    display_name: str = Field(examples=["Acme Ltd"])
    status: TenantStatus
    policy: str = Field(description="Name of the guard policy.", examples=["default"])
    limits: LimitsBody
    organisation: str | None = Field(description="Whose budgets bound it too.")
    created_at: Instant


class TenantList(Schema):
    items: list[Tenant]


class TenantCreate(Schema):
    name: Slug
    display_name: Name | None = Field(default=None, description="The name itself by default.")
    policy: str = Field(default="default", min_length=1, max_length=64)
    limits: LimitsInput = LimitsInput()
    organisation: str | None = Field(default=None, max_length=63)


class TenantUpdate(Schema):
    """Only the fields that are sent change. Only the name needs no global role."""

    display_name: Name | None = None
    status: TenantStatus | None = None
    policy: str | None = Field(default=None, min_length=1, max_length=64)
    limits: LimitsInput | None = Field(default=None, description="Replaces all three limits.")
    organisation: str | None = Field(
        default=None, max_length=63, description="An empty text takes it out of its organisation."
    )
    reason: str | None = Field(
        default=None, max_length=500, description="Kept in the audit trail; no personal data."
    )
