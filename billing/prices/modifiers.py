"""Other names of a model, and what a tenant pays on top of the list price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

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
        parsing.only(body, "An alias", {"name", "model", "effective_from", "effective_to"})
        parsing.needed(body, "An alias", ["name", "model", "effective_from"])
        start, end = parsing.span(body)
        parsing.check_span("An alias", start, end)
        return cls(name=body["name"], model=body["model"], effective_from=start, effective_to=end)

    def holds_at(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)

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
        fields = {"percent", "tenant", "model", "effective_from", "effective_to"}
        parsing.only(body, "A mark-up", fields)
        parsing.needed(body, "A mark-up", ["percent", "effective_from"])
        start, end = parsing.span(body)
        parsing.check_span("A mark-up", start, end)
        return cls(
            percent=parsing.amount("percent", body["percent"]),
            effective_from=start,
            effective_to=end,
            tenant=body.get("tenant"),
            model=body.get("model"),
        )

    @property
    def rank(self) -> tuple[bool, bool, datetime]:
        """The highest one that holds counts: a tenant's before a model's, the newer one."""
        return self.tenant is not None, self.model is not None, self.effective_from

    def holds_for(self, tenant: str | None, model: str, at: datetime) -> bool:
        started = self.effective_from <= at
        open_end = self.effective_to is None or at < self.effective_to
        return (
            started and open_end and self.tenant in (None, tenant) and self.model in (None, model)
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "percent": format_amount(self.percent),
            "tenant": self.tenant,
            "model": self.model,
            "effective_from": isoformat(self.effective_from),
            "effective_to": isoformat(self.effective_to) if self.effective_to else None,
        }
