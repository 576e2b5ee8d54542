"""What all admin schemas share: strictness, the error body, names, amounts and times."""

from datetime import UTC
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from core.clock import isoformat
from gateway.tenants.names import (
    EMAIL_PATTERN,
    NAME_LENGTH,
    NAME_PATTERN,
    PASSWORD_LENGTH,
    SLUG_PATTERN,
)


class Schema(BaseModel):
    """A request or response body in which every field is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class ErrorDetail(Schema):
    code: str = Field(description="Stable, machine readable.", examples=["not_found"])
    message: str = Field(
        description="A sentence that says what is wrong and what to do.",
        examples=["There is no such tenant. Check the identifier."],
    )
    param: str | None = Field(
        description="The field or parameter concerned, if there is one.", examples=["tenant"]
    )


class ErrorBody(Schema):
    """The one shape of every error."""

    error: ErrorDetail


Amount = Annotated[
    str,
    Field(
        description="US dollars as exact decimal text.",
        examples=["10.5"],
        pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$",
    ),
]
"""An amount going out, formatted by ``core.money.format_amount``."""

AmountIn = Annotated[
    str,
    Field(
        description="US dollars as exact decimal text; not negative.",
        examples=["10.00"],
        pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?$",
    ),
]
"""An amount coming in; ``core.money.parse_amount`` turns it into a Decimal."""

Instant = Annotated[
    AwareDatetime,
    AfterValidator(lambda value: value.astimezone(UTC)),
    PlainSerializer(isoformat, return_type=str, when_used="json"),
    Field(
        description="An instant with its offset from UTC.",
        examples=["2026-11-01T00:00:00.000000Z"],
        json_schema_extra={"format": "date-time"},
    ),
]

Slug = Annotated[
    str,
    Field(
        pattern=SLUG_PATTERN,
        description="Lower-case letters, digits, hyphens, underscores; never changes.",
        examples=["acme"],
    ),
]
Name = Annotated[
    str, Field(min_length=1, max_length=NAME_LENGTH, pattern=NAME_PATTERN, examples=["Support"])
]
Email = Annotated[
    str,
    AfterValidator(str.lower),
    Field(
        max_length=254,
        pattern=EMAIL_PATTERN,
        examples=["owner@example.com"],
    ),
]
Password = Annotated[
    str,
    Field(
        min_length=PASSWORD_LENGTH,
        max_length=256,
        description="At least 12 characters.",
        examples=["a long pass phrase"],
    ),
]
Count = Annotated[int, Field(ge=0)]


class LimitsBody(Schema):
    """Rate limits; null means unlimited."""

    rpm: int | None = Field(description="Requests a minute.")
    tpm: int | None = Field(description="Tokens a minute.")
    parallel: int | None = Field(description="Requests at the same time.")


class LimitsInput(Schema):
    """Rate limits; null or absent means unlimited."""

    rpm: int | None = Field(default=None, ge=0, strict=True, description="Requests a minute.")
    tpm: int | None = Field(default=None, ge=0, strict=True, description="Tokens a minute.")
    parallel: int | None = Field(
        default=None, ge=0, strict=True, description="Requests at the same time."
    )
