"""Prices out of litellm's map of models (``model_prices_and_context_window_backup.json``).

The map holds dollars per single token as JSON numbers; they are read as exact
decimals and never pass through a float. What it says of other units (images,
seconds, searches) and of service levels (priority, flex) is left out and said so;
a model that cannot be priced exactly by its tokens is skipped with the reason.
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.errors import InvalidPrice
from billing.prices.litellm_entry import Unfit, read_entry
from billing.prices.version import PriceVersion

_FILE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A price that the map suggests; ``left_out`` names its fields that a price cannot say."""

    version: PriceVersion
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model of the map that gets no price, and why."""

    model: str
    reason: str


class LitellmMap:
    """The map, read once.

    Args:
        entries: by litellm's name of a model.
        source: where it was read from.
    """

    def __init__(self, entries: Mapping[str, Any], source: str) -> None:
        self._entries = entries
        self.source = source

    @classmethod
    def load(cls, file: Path | None = None) -> "LitellmMap":
        """From a file, by default that of the installed litellm, which is not imported.

        Raises:
            InvalidPrice: there is none, or it holds something else.
        """
        path = file or _installed()
        try:
            entries = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except (OSError, ValueError):
            raise InvalidPrice(f"There is no readable price map at {path}.", param="file") from None
        if not isinstance(entries, dict):
            raise InvalidPrice("A price map is a JSON object of models.", param="file")
        return cls(entries, path.name)

    def propose(
        self,
        wanted: Callable[[str], bool],
        effective_from: datetime,
        *,
        provider_prefix: str = "",
    ) -> tuple[list[Proposal], list[Skipped]]:
        """Prices of the wanted models.

        Args:
            provider_prefix: only models whose name begins with it, without it: with
                ``deepseek/``, ``deepseek/deepseek-v4-pro`` prices ``deepseek-v4-pro``.
        """
        proposals, skipped = [], []
        for name, entry in sorted(self._entries.items()):
            model = name.removeprefix(provider_prefix)
            if not name.startswith(provider_prefix) or not wanted(model) or name == "sample_spec":
                continue
            try:
                proposals.append(_proposal(model, entry, effective_from))
            except (InvalidPrice, Unfit) as problem:
                skipped.append(Skipped(model, str(problem)))
        return proposals, skipped


def _installed() -> Path:
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        return Path(folder) / _FILE
    raise InvalidPrice(
        "litellm is not installed here; install the extra `providers` or name a file.",
        param="file",
    )


def _proposal(model: str, entry: Any, effective_from: datetime) -> Proposal:
    body, left_out = read_entry(entry)
    dated = {"model": model, "currency": "USD", "effective_from": effective_from}
    return Proposal(PriceVersion.from_settings(dated | body), left_out)
