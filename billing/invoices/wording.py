"""What an invoice's line says: plain words for token classes and for what made a price."""

from datetime import date

from billing.models import PriceRate
from billing.prices import MINIMUM
from billing.usage import WORKER_SECOND
from core.money import format_amount

ADJUSTMENT = "adjustment"
_CLASSES = {
    "input": "Input tokens",
    "cached_input": "Input tokens, cached",
    "cache_write": "Input tokens, written to cache",
    "output": "Output tokens",
    "reasoning": "Reasoning tokens",
    "guard": "Guard tokens",
    "embedding": "Embedded tokens",
    WORKER_SECOND: "Worker time",
    MINIMUM: "Minimum charge, above usage",
}
_MOST = 300


def usage(token_class: str, rate: PriceRate | None, days: tuple[date, date] | None) -> str:
    """``Output tokens, peak, prompts over 272,000 tokens, 1 to 14 November``.

    Args:
        days: the first and last day of use, where one thing has several prices.
    """
    words = [_CLASSES[token_class], *(_terms(rate) if rate else [])]
    if days is not None:
        words.append(_span(*days))
    return ", ".join(words)[:_MOST]


def adjustment(reason: str | None, entries: int) -> str:
    text = f"Adjustment: {reason}" if reason else "Adjustment"
    return (f"{text} ({entries:,} entries)" if entries > 1 else text)[:_MOST]


def _terms(rate: PriceRate) -> list[str]:
    terms = [rate.window] if rate.window else []
    if rate.above is not None:
        terms.append(f"prompts over {rate.above:,} tokens")
    if rate.batch:
        terms.append("batch")
    if rate.exchange_rate is not None:
        terms.append(f"from {rate.source_currency} at {format_amount(rate.exchange_rate)}")
    return terms


def _span(first: date, last: date) -> str:
    return f"{first:%d %b}" if first == last else f"{first:%d %b} to {last:%d %b}"
