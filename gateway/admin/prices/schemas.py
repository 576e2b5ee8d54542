"""Bodies of the price endpoints. What is written are entries as the settings hold them."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.admin.schemas import Amount, Count, Instant, Schema
from gateway.settings import (
    AliasSettings,
    CalendarSettings,
    ExchangeRateSettings,
    MarkupSettings,
    PriceSettings,
)

ModelName = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[
    str | None, Field(max_length=200, description="Kept in the audit trail; no personal data.")
]


class EntryKind(StrEnum):
    PRICE = "price"
    EXCHANGE_RATE = "exchange_rate"
    ALIAS = "alias"
    CALENDAR = "calendar"
    MARKUP = "markup"


class EntrySource(StrEnum):
    FILE = "file"  # of the configuration: read-only here
    DATABASE = "database"


class EntryState(StrEnum):
    IN_FORCE = "in_force"
    FUTURE = "future"
    ENDED = "ended"
    SHADOWED = "shadowed"  # the configuration file decides about the same
    ARCHIVED = "archived"


class PriceEntry(Schema):
    """One entry of the price book and where it stands."""

    id: str | None = Field(description="Null for one of the file.", examples=["prc_01k9..."])
    kind: EntryKind
    source: EntrySource
    state: EntryState
    label: str = Field(examples=["price of model sov-flash"])
    tenant: str | None = Field(description="Whose it is; null: everybody's.")
    version: str | None = Field(description="Of a price: its id on bills.", examples=["pv_3f2a..."])
    body: dict[str, Any] = Field(description="As in the settings; amounts are text.")
    author: str | None = Field(description="An account's id, or `cli`; null for one of the file.")
    reason: str | None
    created_at: Instant | None
    archived_at: Instant | None
    archived_by: str | None


class PriceEntryList(Schema):
    items: list[PriceEntry]
    currency: str = Field(description="Of the ledger: what every price is converted into.")
    unpriced: list[str] = Field(description="Models of the deployment without a price then.")


class NewPrice(Schema):
    kind: Literal["price"]
    body: PriceSettings


class NewExchangeRate(Schema):
    kind: Literal["exchange_rate"]
    body: ExchangeRateSettings


class NewAlias(Schema):
    kind: Literal["alias"]
    body: AliasSettings


class NewCalendar(Schema):
    kind: Literal["calendar"]
    body: CalendarSettings


class NewMarkup(Schema):
    kind: Literal["markup"]
    body: MarkupSettings


AnyEntry = Annotated[
    NewPrice | NewExchangeRate | NewAlias | NewCalendar | NewMarkup, Field(discriminator="kind")
]


class PricesCreate(Schema):
    """All of them are stored, or none."""

    entries: list[AnyEntry] = Field(min_length=1, max_length=500)
    replaces: list[Annotated[str, Field(max_length=40)]] = Field(
        default=[], max_length=500, description="Ids of entries to archive for them."
    )
    reason: Reason = None


class PricesCreated(Schema):
    items: list[PriceEntry]


class PriceArchive(Schema):
    reason: Reason = None


class ProposalRequest(Schema):
    """Which models' prices to look up in the price map of the server's litellm."""

    models: list[ModelName] = Field(
        default=[],
        max_length=200,
        description="Names in which `*` and `?` match; empty: the models of the deployment.",
    )
    provider_prefix: str = Field(
        default="",
        max_length=100,
        description="Only models of the map whose name begins so, priced without it.",
        examples=["deepseek/"],
    )
    effective_from: Instant | None = Field(default=None, description="Null: now.")


class FieldChange(Schema):
    field: str = Field(examples=["input"])
    old: str | None
    new: str | None
    percent: str | None = Field(description="How much it went up or down.", examples=["-12.5"])


class DiffStatus(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"


class PriceDiff(Schema):
    model: str
    tenant: str | None
    status: DiffStatus
    old_version: str | None
    new_version: str | None
    changes: list[FieldChange] = Field(description="Prices per million tokens.")


class SkippedModel(Schema):
    model: str
    reason: str = Field(examples=["mode image_generation"])


class LeftOut(Schema):
    model: str
    fields: list[str] = Field(description="Priced fields of the map that a price cannot say.")


class ProposedEntry(Schema):
    kind: EntryKind
    body: dict[str, Any]


class Proposals(Schema):
    """What would change, and the entries to send to `POST /prices` for it."""

    prices: list[PriceDiff]
    named_in_file: list[str] = Field(description="What the configuration file decides.")
    skipped: list[SkippedModel]
    left_out: list[LeftOut]
    entries: list[ProposedEntry]


class ExplainPrice(Schema):
    """A request as it would be priced."""

    model: ModelName
    tenant: ModelName | None = None
    at: Instant | None = Field(default=None, description="Instant of admission; null: now.")
    batch: bool = False
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_tokens: Count = 0
    guard_tokens: Count = 0
    embedding_tokens: Count = 0


class RateFacts(Schema):
    """What changed the listed prices."""

    id: str
    window: str | None
    above: int | None = Field(description="The step that the prompt has passed.")
    batch: bool
    exchange_rate: Amount | None
    markup_percent: str | None


class ClassPrice(Schema):
    token_class: str
    version: Amount = Field(description="As the version lists it.")
    stated: Amount = Field(description="With its window and step, in its currency.")
    list_price: Amount = Field(description="In the ledger's currency.")
    price: Amount = Field(description="With the tenant's mark-up or own price.")


class ExplainedLine(Schema):
    token_class: str
    quantity: str
    price: Amount
    per: int
    amount: Amount


class PriceExplanation(Schema):
    model: str
    priced_as: str = Field(description="Another one where the model is an alias.")
    at: Instant
    tenant: str | None
    version: dict[str, Any] = Field(description="The price version as the settings would say it.")
    rate: RateFacts
    prices: list[ClassPrice]
    per: int
    minimum: Amount
    currency: str
    lines: list[ExplainedLine]
    total: Amount
