"""Bodies of the organisation endpoints."""

from pydantic import Field

from gateway.admin.schemas import Instant, Name, Schema, Slug


class Organisation(Schema):
    name: str = Field(examples=["group"])
    display_name: str = Field(examples=["Group plc"])
    created_at: Instant


class OrganisationList(Schema):
    items: list[Organisation]


class OrganisationCreate(Schema):
    name: Slug
    display_name: Name | None = Field(default=None, description="The name itself by default.")
