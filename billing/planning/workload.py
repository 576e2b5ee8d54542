"""What is to be served: a month's tokens and the busiest rates, stated or measured.

A month has 730 hours. Knows nothing of devices or prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from billing.errors import InvalidPlan
from core.money import EXACT, ZERO

HOURS = Decimal(730)  # 8760 / 12
SECONDS = HOURS * 3600
# DeepSeek's peak: seven hours of the five working days, UTC. Chinese public holidays are
# off-peak but count as working days here, which overstates the API's price a little.
_PEAK_HOURS = frozenset({1, 2, 3, 6, 7, 8, 9})
PEAK_SHARE = EXACT.divide(Decimal(5 * 7), Decimal(7 * 24))


@dataclass(frozen=True, slots=True)
class HourlyUsage:
    """Sums over one UTC hour; ``output_tokens`` include reasoning."""

    at: datetime
    requests: int
    input_tokens: int  # not from a cache
    cached_tokens: int
    output_tokens: int

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.cached_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Tokens of a month of 730 hours, and tokens a second in the busiest hour.

    ``input_tokens`` were not in a cache, ``cached_tokens`` were; ``output_tokens`` include
    reasoning. ``peak_price_share`` is the share of tokens in DeepSeek's peak hours.
    """

    requests: Decimal
    input_tokens: Decimal
    cached_tokens: Decimal
    output_tokens: Decimal
    peak_input: Decimal
    peak_cached: Decimal
    peak_output: Decimal
    peak_price_share: Decimal
    described: str

    @property
    def tokens(self) -> Decimal:
        return EXACT.add(EXACT.add(self.input_tokens, self.cached_tokens), self.output_tokens)

    @property
    def tokens_per_request(self) -> Decimal:
        return EXACT.divide(self.tokens, self.requests)


def stated_workload(
    *,
    requests_per_day: Decimal,
    input_tokens: Decimal,
    output_tokens: Decimal,
    cached_share: Decimal = ZERO,
    peak_factor: Decimal = Decimal(3),
    active_hours: Decimal = Decimal(24),
    thinking_share: Decimal = ZERO,
    thinking_multiplier: Decimal = Decimal(1),
    peak_price_share: Decimal = PEAK_SHARE,
) -> Workload:
    """A workload from means.

    Args:
        input_tokens: per request, cached ones included.
        peak_factor: the busiest hour over the mean of the active hours.
        active_hours: hours a day with traffic.
        thinking_share: share of requests that think.
        thinking_multiplier: output of a thinking request over that of another.

    Raises:
        InvalidPlan: a number out of its range.
    """
    _positive(requests_per_day=requests_per_day, output_tokens=output_tokens)
    _not_negative(input_tokens=input_tokens)
    _between(0, 1, cached_share=cached_share, thinking_share=thinking_share)
    _between(0, 1, peak_price_share=peak_price_share)
    _between(1, 24, active_hours=active_hours)
    if peak_factor < 1 or thinking_multiplier < 1:
        raise InvalidPlan("peak_factor and thinking_multiplier are at least 1.")
    with localcontext(EXACT):
        requests = requests_per_day * HOURS / 24
        longer = 1 + thinking_share * (thinking_multiplier - 1)
        cached = requests * input_tokens * cached_share
        fresh = requests * input_tokens - cached
        written = requests * output_tokens * longer
        peak = peak_factor * 24 / active_hours / SECONDS
        return Workload(
            requests=requests,
            input_tokens=fresh,
            cached_tokens=cached,
            output_tokens=written,
            peak_input=fresh * peak,
            peak_cached=cached * peak,
            peak_output=written * peak,
            peak_price_share=peak_price_share,
            described="stated",
        )


def requests_a_day(tokens_per_month: Decimal, one: Workload) -> Decimal:
    """How many requests a day make so many tokens; ``one`` is the workload of one a day."""
    return EXACT.divide(tokens_per_month, one.tokens)


def measured_workload(
    hours: Sequence[HourlyUsage], start: datetime, end: datetime, described: str
) -> Workload:
    """A workload from the hourly sums of ``[start, end)``, brought to 730 hours.

    Raises:
        InvalidPlan: nothing was used in that time.
    """
    if not hours or end <= start or not any(hour.output_tokens for hour in hours):
        raise InvalidPlan(
            "No usage with output tokens in this month; choose another month, tenant or model, "
            "or state a workload.",
            param="month",
        )
    with localcontext(EXACT):
        month = HOURS * 3600 / Decimal(int((end - start).total_seconds()))
        tokens = sum(hour.tokens for hour in hours)
        at_peak = sum(hour.tokens for hour in hours if _is_peak(hour.at))
        return Workload(
            requests=month * sum(hour.requests for hour in hours),
            input_tokens=month * sum(hour.input_tokens for hour in hours),
            cached_tokens=month * sum(hour.cached_tokens for hour in hours),
            output_tokens=month * sum(hour.output_tokens for hour in hours),
            peak_input=Decimal(max(hour.input_tokens for hour in hours)) / 3600,
            peak_cached=Decimal(max(hour.cached_tokens for hour in hours)) / 3600,
            peak_output=Decimal(max(hour.output_tokens for hour in hours)) / 3600,
            peak_price_share=Decimal(at_peak) / tokens,
            described=described,
        )


def _is_peak(at: datetime) -> bool:
    return at.weekday() < 5 and at.hour in _PEAK_HOURS


def _positive(**values: Decimal) -> None:
    for name, value in values.items():
        if value <= 0:
            raise InvalidPlan(f"{name} must be more than 0.", param=name)


def _not_negative(**values: Decimal) -> None:
    for name, value in values.items():
        if value < 0:
            raise InvalidPlan(f"{name} must not be negative.", param=name)


def _between(low: int, high: int, **values: Decimal) -> None:
    for name, value in values.items():
        if not low <= value <= high:
            raise InvalidPlan(f"{name} lies between {low} and {high}.", param=name)
