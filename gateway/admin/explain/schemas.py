"""Bodies of the explain endpoint."""

from pydantic import Field

from gateway.admin.schemas import Count, Schema
from guardrails.types import Action, MaskMode

MAX_TEXT_CHARS = 20_000


class ExplainRequest(Schema):
    text: str = Field(
        min_length=1,
        max_length=MAX_TEXT_CHARS,
        description="Looked at and forgotten: neither stored nor logged.",
    )
    policy: str | None = Field(
        default=None, max_length=64, description="Null: the tenant's own policy."
    )


class ExplainedFinding(Schema):
    start: Count = Field(description="In code points.")
    end: Count
    entity_type: str = Field(examples=["EMAIL_ADDRESS"])
    text: str
    score: float = Field(ge=0, le=1)
    detector: str = Field(description="`name@version`.", examples=["email_address@1"])
    reason: str = Field(description="The rule, the checksum, the context; may be empty.")
    mode: MaskMode
    replacement: str | None = Field(description="Null where the request would be refused.")


class RestoreStep(Schema):
    """One piece of a streamed answer that repeats the masked text."""

    received: str = Field(description="What comes from the model.")
    sent: str = Field(description="What the client gets for it; empty while held back.")


class Explained(Schema):
    policy: str
    action: Action = Field(description="What the policy does with findings.")
    masked: str
    findings: list[ExplainedFinding]
    counts: dict[str, int] = Field(description="Distinct masked values by type.")
    restored: list[RestoreStep]
    detector: str = Field(description="The engine and its version.")
    languages: list[str] = Field(description="Of the text, the most of it first.")
