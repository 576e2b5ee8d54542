"""Bodies of the recognizer endpoints. Definitions are ``guardrails.pii.custom``'s own."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Count, Instant, Schema
from guardrails.pii.custom import RecognizerSpec


class RecognizerSource(StrEnum):
    DATABASE = "database"
    POLICY = "policy"  # of the configuration file: read-only here


class RecognizerSummary(Schema):
    """A recognizer without its values, which are personal data."""

    id: str | None = Field(description="Null for one of the policy.", examples=["rec_01k9..."])
    source: RecognizerSource
    name: str = Field(examples=["badge"])
    entity: str | None = Field(examples=["BADGE_ID"])
    languages: list[str] = Field(description="Empty: all.")
    patterns: Count
    denied_values: Count
    allowed_values: Count = Field(description="Values and patterns of its allow list.")
    context_words: Count
    version: int = Field(description="Rises with every change.")
    updated_at: Instant | None


class RecognizerList(Schema):
    items: list[RecognizerSummary]


class Recognizer(Schema):
    id: str = Field(examples=["rec_01k9..."])
    tenant: str = Field(examples=["acme"])
    version: int = Field(description="Send it back with a change.")
    definition: RecognizerSpec
    created_at: Instant
    updated_at: Instant


class RecognizerCreate(Schema):
    definition: RecognizerSpec


class RecognizerUpdate(Schema):
    version: int = Field(ge=1, description="The version that the change was made to.")
    definition: RecognizerSpec


class RecognizerCheck(Schema):
    definition: RecognizerSpec


class Problem(Schema):
    """Why a definition would be refused."""

    code: str = Field(examples=["pattern_too_broad"])
    message: str
    param: str | None = Field(examples=["definition.patterns.0.regex"])


class RecognizerVerdict(Schema):
    problems: list[Problem] = Field(description="Empty: it would be taken.")
