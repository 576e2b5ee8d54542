"""What the cache did for one request, and how a hit is billed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from billing import CostBreakdown, Usage
from billing.prices.hits import hit_cost
from gateway.caching.entry import Entry, hit_usage
from gateway.errors import ContentBlocked

if TYPE_CHECKING:
    import numpy as np

    from gateway.exchange import Exchange
    from gateway.routing.targets import Target

# ``bypass``: the client, the policy or the kind of request wants no cache.
Result = Literal["hit", "semantic-hit", "miss", "bypass"]


@dataclass(slots=True)
class CacheUse:
    """Fields are filled as they become known.

    Args:
        key: under which an answer is kept; ``None``: it is not.
        question: its context and unit vector, where similar ones count.
        target: that was looked up for; another one's answer is not kept.
        entry: the answer that was found.
        similarity: of a semantic hit.
    """

    result: Result = "bypass"
    key: str | None = None
    question: "tuple[str, np.ndarray] | None" = None
    target: "Target | None" = None
    entry: Entry | None = None
    similarity: float | None = None


def cache_usage(exchange: "Exchange") -> Usage | None:
    """The usage of a hit; ``None`` for one that could not be given to the client."""
    cache = exchange.cache
    if cache is None or cache.entry is None:
        return None
    if exchange.error is not None and not isinstance(exchange.error, ContentBlocked):
        return None
    return hit_usage(cache.entry)


def cache_cost(exchange: "Exchange", breakdown: CostBreakdown) -> CostBreakdown:
    """What of the price of its tokens a request pays: all of it, or a hit's share."""
    cache, policy = exchange.cache, exchange.policy
    if cache is None or cache.entry is None or policy is None:
        return breakdown
    return hit_cost(breakdown, policy.cache.hit_price)
