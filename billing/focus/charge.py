"""Charges in our words, and the document (invoice, draft, credit note) that they stand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from billing.invoices.profile import EVERY_OTHER
from billing.prices import MINIMUM, RateFacts
from billing.usage import WORKER_SECOND

# What we count -> the meter of its SKU.
METERS = {
    "input": "input_uncached",
    "cached_input": "input_cached",
    "cache_write": "cache_write",
    "output": "output_visible",
    "reasoning": "reasoning",
    "guard": "guardrail",
    "embedding": "embedding",
    WORKER_SECOND: "worker_second",
    MINIMUM: "minimum_charge",
}
ONE = Decimal(1)


class ChargeKind(StrEnum):
    """Why a charge is there; also the entry of the ledger behind it (``x_Entry``)."""

    USAGE = "usage"
    MINIMUM = MINIMUM
    ADJUSTMENT = "adjustment"
    CREDIT = "credit"
    TAX = "tax"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A document with an id, and what all its charges have in common.

    Args:
        start, end: its billing period, ``[start, end)``.
        currency: in which it is payable.
        pricing_currency: the ledger's, in which prices and usage are.
        exchange_rate: what one unit of ``pricing_currency`` is worth in ``currency``.
        issuer: who provides the service and issues the invoice.
        status: ``final``, ``draft``, or ``open`` where nothing was drawn up yet.
    """

    tenant: str
    account_name: str
    start: datetime
    end: datetime
    invoice_id: str
    status: str
    issuer: str
    currency: str
    pricing_currency: str
    exchange_rate: Decimal = ONE
    project_names: Mapping[str, str] = field(default_factory=dict)
    cost_centres: Mapping[str, str] = field(default_factory=dict)

    def cost_centre(self, project_id: str | None) -> str | None:
        """A project's own, or that of all others; nothing that is of no project has one."""
        if project_id is None:
            return None
        return self.cost_centres.get(project_id) or self.cost_centres.get(EVERY_OTHER)


@dataclass(frozen=True, slots=True)
class Priced:
    """What was consumed and its price for ``per`` units, in the pricing currency.

    ``list_price`` is the price without a tenant's own price and mark-up.
    """

    quantity: Decimal
    unit_price: Decimal
    list_price: Decimal
    per: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One charge of a statement.

    ``amount`` is in the statement's pricing currency, or in the currency that it
    is payable in where ``payable`` is set. That of a usage is
    ``quantity * unit_price / per``, exactly.

    Args:
        day: of the charge; ``None`` for the whole billing period.
        meter: a key of ``METERS``; of usage and minimum charges only.
        rate_id: the price version that it was billed at.
        priced: of usage only.
        corrects_earlier: it corrects something of an earlier billing period.
        label: what a tax is called.
        reference: the request or document that it is about.
    """

    kind: ChargeKind
    amount: Decimal
    day: date | None = None
    project_id: str | None = None
    model: str | None = None
    tier: str | None = None
    zone: str | None = None
    meter: str | None = None
    rate_id: str | None = None
    facts: RateFacts | None = None
    priced: Priced | None = None
    payable: bool = False
    corrects_earlier: bool = False
    label: str | None = None
    reference: str | None = None
    reason: str | None = None
