"""Other names of a model, and what a tenant pays on top of the list price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice
from billing.prices import parsing
from core.clock import isoformat
from core.money import format_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name that is served by another model, and so priced as that one, for a time."""

    name: str
    model: str
    effective_from: datetime
    effective_to: datetime | None = None

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "Alias":
        """``{name: sov-fast, model: deepseek-flash, effective_from, effective_to}``."""
        parsing.only(body, "An alias", {"name", "model", "effective_from", "effective_to"})
        parsing.needed(body, "An alias", ["name", "model", "effective_from"])
        name, model = parsing.text(body, "name"), parsing.text(body, "model")
        if name == model:
            raise InvalidPrice("An alias names another model.", param="model")
        start, end = parsing.span(body)
        parsing.check_span("An alias", start, end)
        return cls(name=name, model=model, effective_from=start, effective_to=end)

    @property
    def subject(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return f"alias {self.name}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": self.model,
            "effective_from": isoformat(self.effective_from),
            "effective_to": isoformat(self.effective_to) if self.effective_to else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """``percent`` on top of the list price, for a tenant and a model or for all of them.

    A price version of the tenant's own is the tenant's price: no mark-up on it.
    """

    percent: Decimal
    effective_from: datetime
    effective_to: datetime | None = None
    tenant: str | None = None
    model: str | None = None

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "Markup":
        """``{percent: "15", tenant: acme, model: sov-pro, effective_from, effective_to}``."""
        fields = {"percent", "tenant", "model", "effective_from", "effective_to"}
        parsing.only(body, "A mark-up", fields)
        parsing.needed(body, "A mark-up", ["percent", "effective_from"])
        start, end = parsing.span(body)
        parsing.check_span("A mark-up", start, end)
        return cls(
            percent=parsing.amount("percent", body["percent"]),
            effective_from=start,
            effective_to=end,
            tenant=parsing.optional_text(body, "tenant"),
            model=parsing.optional_text(body, "model"),
        )

    @property
    def subject(self) -> tuple[str | None, str | None]:
        return self.tenant, self.model

    @property
    def label(self) -> str:
        return f"mark-up of {self.tenant or 'every tenant'} on {self.model or 'every model'}"

    def to_json(self) -> dict[str, Any]:
        return {
            "percent": format_amount(self.percent),
            "tenant": self.tenant,
            "model": self.model,
            "effective_from": isoformat(self.effective_from),
            "effective_to": isoformat(self.effective_to) if self.effective_to else None,
        }
