"""Bodies of the endpoints of upstreams."""

from typing import Literal

from pydantic import Field

from gateway.admin.schemas import Instant, Schema, Slug
from gateway.upstreams.definition import UpstreamSpec

Reason = Field(default=None, max_length=500, description="Kept in the trail; no personal data.")


class UpstreamCreate(Schema):
    definition: UpstreamSpec
    reason: str | None = Reason


class UpstreamUpdate(Schema):
    version: int = Field(ge=1, description="The version that was changed; 409 if it is another.")
    definition: UpstreamSpec
    reason: str | None = Reason


class UpstreamTest(Schema):
    definition: UpstreamSpec


class UpstreamVerdict(Schema):
    answers: bool = Field(description="Whether one of its servers answered over HTTP.")
    detail: str = Field(description="The same for every way in which it does not.")


class Upstream(Schema):
    name: Slug
    kind: str = Field(examples=["pool"])
    zone: str = Field(description="Residency zone.", examples=["onprem"])
    models: list[str]
    origin: Literal["file", "database"] = Field(
        description="`file`: the settings name it, and nobody changes it here."
    )
    state: Literal["serving", "shadowed", "no_key", "refused"] = Field(
        description="`shadowed`: the settings name it too, and decide; `no_key`: the environment"
        " variable of its key is not set; `refused`: the settings do not allow it."
    )
    healthy: bool | None = Field(description="Null where it does not serve.")
    detail: str | None = Field(description="How many of its servers answer.")
    version: int | None = Field(description="Null for those of the file.")
    definition: UpstreamSpec | None = Field(description="Null for those of the file.")
    created_at: Instant | None
    updated_at: Instant | None


class UpstreamList(Schema):
    items: list[Upstream]
    home_zones: list[str] | None = Field(
        description="Zones that a sovereign deployment allows; null: it is none."
    )
