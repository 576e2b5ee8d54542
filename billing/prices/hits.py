"""What an answer from the gateway's own cache costs: a share of what its tokens cost otherwise.

A rate of its own, so that a bill shows hits apart: their prices are the rate's, times the share,
and its ``window`` says so. Re-rating reads the share from there.
"""

import re
from decimal import Decimal

from msgspec.structs import replace

from billing.prices.rate import (
    MINIMUM,
    UNPRICED,
    CostBreakdown,
    CostLine,
    RateFacts,
    line_amount,
    rounded,
)
from core.canonical import digest
from core.money import EXACT, format_amount

_HUNDRED = Decimal(100)
_WINDOW = re.compile(r"cache hit at (\d+)%\Z")


def hit_cost(breakdown: CostBreakdown, share: Decimal) -> CostBreakdown:
    """``breakdown`` for a hit; a minimum charge is for work, and none was done.

    Args:
        share: from 0 to 1, with two places.
    """
    lines = tuple(_hit_line(line, share) for line in breakdown.lines if line.name != MINIMUM)
    if breakdown.price_version == UNPRICED or breakdown.facts is None:
        return replace(breakdown, lines=lines)
    facts = replace(breakdown.facts, window=_window(breakdown.facts.window, share))
    changes = {"rate": breakdown.price_version, "window": facts.window}
    version = f"{facts.version}.{digest(changes)[7:19]}"
    return CostBreakdown(version, breakdown.currency, lines, facts)


def hit_share(facts: RateFacts | None) -> Decimal | None:
    """The share of a hit's rate; ``None`` for every other rate."""
    return share_of(facts.window if facts else None)


def share_of(window: str | None) -> Decimal | None:
    found = _WINDOW.search(window or "")
    return None if found is None else Decimal(found[1]) / _HUNDRED


def _window(before: str | None, share: Decimal) -> str:
    text = f"cache hit at {format_amount(share * _HUNDRED)}%"
    # The column holds 40 characters; the end is what is read again.
    return text if before is None else f"{before[: 38 - len(text)]}, {text}"


def _hit_line(line: CostLine, share: Decimal) -> CostLine:
    price = rounded(line.name, EXACT.multiply(line.price, share), line.per)
    return CostLine(
        line.name,
        line.quantity,
        price,
        line.per,
        line_amount(line.quantity, price, line.per),
        line.price if line.list_price is None else line.list_price,
    )
