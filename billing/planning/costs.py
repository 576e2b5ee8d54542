"""What self-hosting costs a month, and from which volume it is cheaper than an API.

Self-hosting costs whole replicas, an API each token. Both are compared at the same mix of tokens.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext

from billing.planning.apis import ApiOption
from billing.planning.sizing import Fleet
from billing.planning.workload import HOURS, Workload
from core.money import EXACT, ZERO

MILLION = Decimal(10**6)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Tokens a month from which self-hosting is cheaper.

    ``first``: the smallest such volume. ``lasting``: beyond it, it stays cheaper (between the two
    a replica that was just added makes it dearer again).
    """

    first: Decimal
    lasting: Decimal
    requests_per_day: Decimal  # at ``first``


def replica_month(fleet: Fleet, usd_per_hour: Decimal, overhead: Decimal) -> Decimal:
    """USD of one replica for a month; ``overhead`` is a share on top, for operation and power."""
    with localcontext(EXACT):
        return usd_per_hour * fleet.point.devices * HOURS * (1 + overhead)


def fleet_month(fleet: Fleet, usd_per_hour: Decimal, overhead: Decimal) -> Decimal:
    """USD of all replicas for a month, spare ones included."""
    replica = replica_month(fleet, usd_per_hour, overhead)
    return EXACT.multiply(replica, Decimal(fleet.replicas + fleet.spare))


def api_month(workload: Workload, api: ApiOption) -> Decimal:
    """USD of a month's tokens at an API's prices."""
    with localcontext(EXACT):
        return (
            workload.input_tokens * api.input
            + workload.cached_tokens * api.cached_input
            + workload.output_tokens * api.output
        ) / MILLION


def per_million(usd: Decimal, tokens: Decimal) -> Decimal:
    """USD per million tokens."""
    return EXACT.divide(EXACT.multiply(usd, MILLION), tokens)


def month_at(fleet: Fleet, replica: Decimal, tokens: Decimal) -> Decimal:
    """USD of the fleet that ``tokens`` a month of the same mix would need."""
    with localcontext(EXACT):
        return replica * (_steps(tokens / fleet.capacity) + fleet.spare)


def break_even(
    workload: Workload, fleet: Fleet, replica: Decimal, api: ApiOption
) -> BreakEven | None:
    """``None`` where a full replica costs at least what the API asks for its tokens.

    With n replicas and s spare, of cost c and capacity t each, and an API at p per token,
    self-hosting is cheaper from (n + s) * c / p on, where that lies within n * t.
    """
    with localcontext(EXACT):
        price = api_month(workload, api) / workload.tokens
        if price == ZERO:
            return None
        worth = replica / price  # tokens that cost as much at the API as a replica does
        margin = fleet.capacity - worth
        if margin <= 0:
            return None
        # Step n begins to pay where n * t >= (n + s) * c / p, and no later step loses it where
        # n * t >= (n + 1 + s) * c / p: there the API is dearer when the next replica is added.
        n = _steps(fleet.spare * worth / margin)
        last = _steps((1 + fleet.spare) * worth / margin)
        first = (n + fleet.spare) * worth
        daily = first / workload.tokens_per_request * 24 / HOURS
        return BreakEven(
            first, (last + fleet.spare) * worth, daily.to_integral_value(ROUND_CEILING)
        )


def _steps(quotient: Decimal) -> int:
    return max(1, int(quotient.to_integral_value(ROUND_CEILING)))
