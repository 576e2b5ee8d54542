"""One entry of litellm's price map as the body of a price version.

The map holds dollars per single token; ours are per million, exactly, or not at all.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from core.money import EXACT, format_amount

_MODES = frozenset({"chat", "completion", "responses", "embedding"})
# Their field of a class -> ours; where two say the same, the first one counts.
_CLASSES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "input_cost_per_token_cache_hit": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
}
_BATCH = "_batches"
_STEP = re.compile(r"(\w+?)_above_(\d+)(k?)_tokens")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MILLION = Decimal(10**6)
_PLACES = 12  # per million: 18 per token
_Entry = Mapping[str, Any]


class Unfit(Exception):
    """Why an entry makes no price."""


def read_entry(entry: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without model and date, and the priced fields that it leaves out.

    Raises:
        Unfit: the model has no exact price by tokens.
    """
    if not isinstance(entry, dict):
        raise Unfit("no entry of a model")
    mode = entry.get("mode", "chat")
    if mode not in _MODES:
        raise Unfit(f"mode {mode}")
    tiers = _tiers(entry)
    prices = _prices(tiers[0][1] if tiers else entry)
    _check(prices, entry, mode)
    body: dict[str, Any] = {"output": "0", **_texts(prices)}  # embeddings have no output
    body["steps"] = [*_steps(entry), *_tier_steps(tiers)]
    body["windows"] = list(_windows(entry.get("off_peak_pricing")))
    batch = _batch(entry, prices)
    if batch is not None:
        body["batch"] = format_amount(batch)
    return body, _left_out(entry, batch)


def _number(value: Any) -> Decimal | None:
    """A price of the map; it holds numbers only, and some of them are whole."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _prices(entry: _Entry) -> dict[str, Decimal]:
    """Dollars per token by our class."""
    prices: dict[str, Decimal] = {}
    for field, name in _CLASSES.items():
        price = _number(entry.get(field))
        if price is not None:
            prices.setdefault(name, price)
    for name in ("cached_input", "cache_write"):
        # The map's 0 of a cache says "no price of its own": such tokens cost as input.
        if prices.get("input") and prices.get(name) == 0:
            del prices[name]
    return prices


def _check(prices: Mapping[str, Decimal], entry: _Entry, mode: str) -> None:
    needed = ("input",) if mode == "embedding" else ("input", "output")
    missing = [name for name in needed if not prices.get(name)]
    if not missing:
        return
    others = [field for field in _priced(entry) if field not in _CLASSES]
    if others and len(missing) == len(needed):
        raise Unfit(f"not priced by the token, but by {', '.join(others)}")
    raise Unfit(f"no price of {' and '.join(missing)} above 0: state it by hand")


def _texts(prices: Mapping[str, Decimal]) -> dict[str, str]:
    """Per million tokens, as texts."""
    texts = {}
    for name, price in prices.items():
        text = format_amount(EXACT.multiply(price, _MILLION))
        if len(text.partition(".")[2]) > _PLACES:
            raise Unfit(f"{name} at {text} a million tokens has more than {_PLACES} places")
        texts[name] = text
    return texts


def _step(field: str) -> tuple[str, int] | None:
    """``input_cost_per_token_above_272k_tokens``: what is priced, and from where on."""
    match = _STEP.fullmatch(field)
    if match is None or match[1] not in _CLASSES:
        return None
    return match[1], int(match[2]) * (1000 if match[3] else 1)


def _steps(entry: _Entry) -> Iterator[dict[str, Any]]:
    steps: dict[int, dict[str, Any]] = {}
    for field, value in entry.items():
        if step := _step(field):
            steps.setdefault(step[1], {})[step[0]] = value
    for above, fields in steps.items():
        if prices := _prices(fields):
            yield {"above": above, **_texts(prices)}


def _tiers(entry: _Entry) -> list[tuple[int, _Entry]]:
    """``tiered_pricing``: all tokens of a prompt longer than a tier's start are at its prices."""
    tiers = entry.get("tiered_pricing") or []
    try:
        return sorted(((int(tier["range"][0]), tier) for tier in tiers), key=lambda tier: tier[0])
    except (TypeError, KeyError, IndexError, ValueError):
        raise Unfit("tiered_pricing in a form that is not known") from None


def _tier_steps(tiers: list[tuple[int, _Entry]]) -> Iterator[dict[str, Any]]:
    for above, tier in tiers[1:]:
        yield {"above": above, **_texts(_prices(tier))}


def _windows(off_peak: Any) -> Iterator[dict[str, Any]]:
    """``off_peak_pricing``: hours in UTC on some days of the week, at prices of their own."""
    if off_peak is None:
        return
    if "weekday_timezone" in off_peak:
        raise Unfit("off-peak hours in one time zone on days of another: state them by hand")
    try:
        rules = off_peak.get("windows") or [off_peak]
        for index, rule in enumerate(rules, start=1):
            hours = rule["hours_utc"]
            yield {
                "name": "off-peak" if len(rules) == 1 else f"off-peak {index}",
                "hours": list(_hours([hours] if isinstance(hours, str) else hours)),
                "days": [_DAYS[day - 1] for day in rule.get("weekdays", range(1, 8))],
                **_texts(_prices(off_peak)),
            }
    except (TypeError, KeyError, IndexError, AttributeError):
        raise Unfit("off_peak_pricing in a form that is not known") from None


def _hours(texts: list[str]) -> Iterator[str]:
    """litellm looks at each instant's own day, so hours past midnight are two windows."""
    for text in texts:
        start, _, end = text.partition("-")
        if start < end:
            yield text
            continue
        yield f"{start}-24:00"
        if end != "00:00" and start != end:
            yield f"00:00-{end}"


def _batch(entry: _Entry, prices: Mapping[str, Decimal]) -> Decimal | None:
    """The factor of batch requests, where one factor says all that the map says of them."""
    factors, said = set(), set()
    for field in _priced(entry):
        base = field.removesuffix(_BATCH)
        price = _number(entry.get(base))
        if field == base or not price:
            continue
        if base in _CLASSES or _step(base):
            said.add(_CLASSES.get(base))
            factors.add(EXACT.divide(entry[field], price))
    if len(factors) != 1 or any(price and name not in said for name, price in prices.items()):
        return None
    [factor] = factors
    return factor if factor == round(factor, 6) else None


def _left_out(entry: _Entry, batch: Decimal | None) -> tuple[str, ...]:
    """Fields with a price that no price version of ours says."""
    left_out = [
        field
        for field in _priced(entry)
        if field not in _CLASSES
        and not _step(field)
        and not (batch is not None and field.endswith(_BATCH))
    ]
    if entry.get("search_context_cost_per_query"):
        left_out.append("search_context_cost_per_query")
    return tuple(left_out)


def _priced(entry: _Entry) -> list[str]:
    return sorted(field for field, value in entry.items() if "cost" in field and _number(value))
