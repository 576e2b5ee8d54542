"""Bodies of the project endpoints."""

from pydantic import Field

from gateway.admin.schemas import Instant, Name, Schema


class Project(Schema):
    id: str = Field(examples=["prj_01k9..."])
    tenant: str = Field(examples=["acme"])
    name: str = Field(examples=["support-bot"])
    created_at: Instant


class ProjectList(Schema):
    items: list[Project]


class ProjectCreate(Schema):
    name: Name
