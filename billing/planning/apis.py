"""What APIs ask for the same tokens: the cited list, litellm's map, the deployment's price book."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from billing.errors import UnpricedModel
from billing.planning.published import Published
from core.money import EXACT

_MAP = "model_prices_and_context_window_backup.json"
# USD per million tokens of input, cached input and output.
Prices = tuple[Decimal, Decimal, Decimal]
# What a price book says of a model; None where it says nothing.
PriceLookup = Callable[[str], Prices | None]


@dataclass(frozen=True, slots=True)
class ApiOption:
    """An API's prices in USD per million tokens."""

    name: str
    input: Decimal
    cached_input: Decimal
    output: Decimal
    source: str  # an id of published.yaml, or what to print
    note: str = ""


def own_apis(published: Published, model: str, peak_share: Decimal) -> list[ApiOption]:
    """The APIs that serve ``model``: blended by the share of tokens at peak, off-peak, peak."""
    options: list[ApiOption] = []
    for body in published.apis:
        if body.get("serves") != model:
            continue
        peak, quiet = _prices(body), _prices(body["off_peak"])
        mixed = _mixed(peak, quiet, peak_share)
        for label, prices in (("", mixed), (" off-peak", quiet), (" peak", peak)):
            options.append(
                ApiOption(body["name"] + label, *prices, body["source"], body.get("note", ""))
            )
    return options


def find_api(name: str, published: Published, book: PriceLookup | None = None) -> ApiOption:
    """A baseline's prices: from the price book, else litellm's installed map, else the cited list.

    Steps for long contexts and batch discounts are left out.

    Raises:
        UnpricedModel: none of them prices the model.
    """
    if book is not None and (prices := book(name)) is not None:
        return ApiOption(name, *prices, "the price book")
    if (entry := _litellm_entry(name)) is not None:
        return ApiOption(name, *entry, f"litellm {version('litellm')}, installed")
    for body in published.apis:
        if body["name"] == name:
            return ApiOption(name, *_prices(body), body["source"])
    raise UnpricedModel(
        f"No price of {name!r} is known; add it to the price book or choose another baseline.",
        model=name,
    )


def _prices(body: Mapping[str, Any]) -> Prices:
    return Decimal(body["input"]), Decimal(body["cached_input"]), Decimal(body["output"])


def _mixed(peak: Prices, quiet: Prices, share: Decimal) -> Prices:
    with localcontext(EXACT):
        first, second, third = (
            p * share + q * (1 - share) for p, q in zip(peak, quiet, strict=True)
        )
    return first, second, third


def _litellm_entry(name: str) -> Prices | None:
    """From the file beside litellm's code; litellm itself is not imported."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(spec.submodule_search_locations[0]) / _MAP
    if not file.is_file():
        return None
    entry = json.loads(file.read_text("utf-8"), parse_float=Decimal, parse_int=Decimal).get(name)
    if not entry or entry.get("input_cost_per_token") is None:
        return None
    million, fresh = Decimal(10**6), entry["input_cost_per_token"]
    cached = entry.get("cache_read_input_token_cost")
    written = entry.get("output_cost_per_token") or Decimal(0)
    with localcontext(EXACT):
        return fresh * million, (fresh if cached is None else cached) * million, written * million
