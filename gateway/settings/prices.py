"""The price book."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from gateway.settings.section import Section


def _no_floats(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write amounts as text, such as "0.15": floats are not exact')
    return value


Exact = Annotated[Decimal, BeforeValidator(_no_floats), Field(ge=0)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class ClassPrices(Section):
    """Prices by class that take the place of a version's own."""

    input: Exact | None = Field(default=None, description="Uncached input.")
    cached_input: Exact | None = Field(default=None, description="Cached input.")
    cache_write: Exact | None = Field(default=None, description="Written into a cache.")
    output: Exact | None = Field(default=None, description="Output.")
    reasoning: Exact | None = Field(default=None, description="Reasoning.")
    guard: Exact | None = Field(default=None, description="Of guards that are models.")
    embedding: Exact | None = Field(default=None, description="Embedded input.")
    worker_second: Exact | None = Field(default=None, description="Per worker-second.")


class PriceWindowSettings(ClassPrices):
    name: str = Field(description="Shown on bills, such as `peak`.", max_length=40)
    hours: list[str] = Field(min_length=1, description="Local hours, such as `09:00-12:00`.")
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], description="Days of the week."
    )
    timezone: str = Field(default="UTC", description="Of the hours, such as `Asia/Shanghai`.")
    holidays: str | None = Field(
        default=None, description="Calendar of days on which the window does not hold."
    )
    factor: Exact = Field(default=Decimal(1), description="On token prices that it does not state.")


class PriceStepSettings(ClassPrices):
    above: int = Field(ge=1, description="Holds for prompts of more tokens than this.")
    factor: Exact = Field(default=Decimal(1), description="On token prices that it does not state.")


class PriceSettings(Section):
    model: str = Field(description="Model name as the upstream serves it.")
    currency: Currency = Field(default="USD", description="Currency of the amounts.")
    effective_from: date | AwareDatetime = Field(description="First day (UTC) or instant.")
    effective_to: date | AwareDatetime | None = Field(
        default=None, description="First day or instant at which it no longer holds."
    )
    input: Exact = Field(description="Per `per` uncached input tokens.")
    cached_input: Exact | None = Field(default=None, description="Null: the input price.")
    cache_write: Exact | None = Field(default=None, description="Null: the input price.")
    output: Exact = Field(description="Per `per` output tokens.")
    reasoning: Exact | None = Field(default=None, description="Null: the output price.")
    guard: Exact | None = Field(default=None, description="Of guards that are models; null: 0.")
    embedding: Exact | None = Field(default=None, description="Null: the input price.")
    worker_second: Exact | None = Field(
        default=None, description="Per second of a self-hosted worker; null: not billed."
    )
    per: int = Field(default=1_000_000, ge=1, description="Tokens that the prices are for.")
    minimum: Exact | None = Field(default=None, description="Least that a request costs.")
    batch: Exact | None = Field(default=None, description="Factor on tokens of batch requests.")
    tenant: str | None = Field(default=None, description="Whose price it is; null: everybody's.")
    served: str | None = Field(
        default=None, description="Version of the model that answers, shown on bills."
    )
    windows: list[PriceWindowSettings] = Field(default=[], description="Hours at other prices.")
    steps: list[PriceStepSettings] = Field(default=[], description="Prices of long prompts.")


class ExchangeRateSettings(Section):
    currency: Currency = Field(description="One unit of this")
    quote: Currency = Field(default="USD", description="is worth `rate` of this.")
    rate: Exact = Field(description="As text.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    source: str | None = Field(default=None, description="Where it was published.")


class AliasSettings(Section):
    name: str = Field(description="Name that applications use.")
    model: str = Field(description="Model whose price it has.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    effective_to: date | AwareDatetime | None = Field(default=None, description="Null: open.")


class CalendarSettings(Section):
    name: str = Field(description="As price windows name it.")
    dates: list[date] = Field(default=[], description="Holidays.")
    country: str | None = Field(
        default=None, description="ISO code; its public holidays count too."
    )
    working_days: list[date] = Field(default=[], description="Days that are no holiday after all.")


class MarkupSettings(Section):
    percent: Exact = Field(description="On the list price.")
    tenant: str | None = Field(default=None, description="Null: every tenant.")
    model: str | None = Field(default=None, description="Null: every model.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    effective_to: date | AwareDatetime | None = Field(default=None, description="Null: open.")


class PriceBookSettings(Section):
    """What the prices need beside themselves."""

    exchange_rates: list[ExchangeRateSettings] = Field(default=[], description="Dated rates.")
    aliases: list[AliasSettings] = Field(default=[], description="Other names of models.")
    calendars: list[CalendarSettings] = Field(default=[], description="Holidays.")
    markups: list[MarkupSettings] = Field(default=[], description="On top of list prices.")
