"""A charge as a row of FOCUS columns; pure, exact, and the same for every format.

A price is converted into the currency of the invoice first and rounded to 18
places per unit, if at all; so a cost is a product that never rounds, and
``ContractedUnitPrice * PricingQuantity = ContractedCost`` holds to the last digit.
"""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.focus.charge import METERS, ONE, Charge, ChargeKind, Priced, Statement
from billing.focus.columns import AI_CATEGORY, NAMES
from billing.prices import line_amount
from billing.prices.rate import rounded
from billing.usage import WORKER_SECOND
from core.money import EXACT, format_amount, quantize

Cell = str | Decimal | datetime | None
Row = tuple[Cell, ...]

SERVICE_NAME = "Model inference"
_CATEGORIES = {
    ChargeKind.USAGE: "Usage",
    ChargeKind.MINIMUM: "Adjustment",
    ChargeKind.ADJUSTMENT: "Adjustment",
    ChargeKind.ROUNDING: "Adjustment",
    ChargeKind.CREDIT: "Credit",
    ChargeKind.TAX: "Tax",
}
_USAGE_BASED = {ChargeKind.USAGE, ChargeKind.MINIMUM}


class RowMaker:
    """Makes the rows of one statement."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._shared = _shared(statement)
        self._period = statement.start, statement.end
        self._days: dict[date, tuple[datetime, datetime]] = {}
        self._terms: dict[tuple[Any, ...], dict[str, Cell]] = {}

    def row(self, charge: Charge) -> Row:
        """The cells in the order of ``columns.COLUMNS``."""
        cells = self._shared | self._terms_of(charge) | self._costs(charge)
        start, end = self._span(charge.day)
        cells["ChargePeriodStart"], cells["ChargePeriodEnd"] = start, end
        cells["ChargeClass"] = "Correction" if charge.corrects_earlier else None
        cells["x_Reference"], cells["x_Reason"] = charge.reference, charge.reason
        return tuple(map(cells.get, NAMES))

    def _span(self, day: date | None) -> tuple[datetime, datetime]:
        if day is None:
            return self._period
        span = self._days.get(day)
        if span is None:
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            span = self._days[day] = start, start + timedelta(days=1)
        return span

    def _terms_of(self, charge: Charge) -> dict[str, Cell]:
        """What all charges of the same thing at the same terms share."""
        key = (charge.kind, charge.project_id, charge.model, charge.tier, charge.zone)
        key += (charge.meter, charge.rate_id, charge.label, charge.payable)
        terms = self._terms.get(key)
        if terms is None:
            statement = self._statement
            terms = _kind_cells(charge) | _place_cells(charge, statement)
            terms |= _sku_cells(charge) | _rate_cells(charge)
            terms["ChargeDescription"] = _description(charge, statement)
            paid_in = statement.currency if charge.payable else statement.pricing_currency
            terms["PricingCurrency"] = paid_in
            converted = not charge.payable and statement.currency != statement.pricing_currency
            terms["x_ExchangeRate"] = statement.exchange_rate if converted else None
            self._terms[key] = terms
        return terms

    def _costs(self, charge: Charge) -> dict[str, Cell]:
        conversion = ONE if charge.payable else self._statement.exchange_rate
        if charge.priced and charge.meter:
            return _usage_costs(charge.meter, charge.priced, conversion)
        billed = quantize(EXACT.multiply(charge.amount, conversion))
        names = ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")
        return {**dict.fromkeys(names, billed), "PricingCurrencyEffectiveCost": charge.amount}


def billed_cost(charge: Charge, statement: Statement) -> Decimal:
    """``BilledCost`` alone, for sums."""
    conversion = ONE if charge.payable else statement.exchange_rate
    priced = charge.priced
    if priced is None or conversion == ONE:
        return quantize(EXACT.multiply(charge.amount, conversion))
    unit = rounded(charge.meter or "", EXACT.multiply(priced.unit_price, conversion), priced.per)
    return line_amount(priced.quantity, unit, priced.per)


def _shared(statement: Statement) -> dict[str, Cell]:
    return {
        "BillingAccountId": statement.tenant,
        "BillingAccountName": statement.account_name,
        "BillingAccountType": "Tenant",
        "BillingCurrency": statement.currency,
        "BillingPeriodStart": statement.start,
        "BillingPeriodEnd": statement.end,
        "InvoiceId": statement.invoice_id,
        "InvoiceIssuerName": statement.issuer,
        "ProviderName": statement.issuer,
        "PublisherName": statement.issuer,
        "ServiceCategory": AI_CATEGORY,
        "ServiceSubcategory": "Generative AI",
        "ServiceName": SERVICE_NAME,
        "x_InvoiceStatus": statement.status,
    }


def _kind_cells(charge: Charge) -> dict[str, Cell]:
    usage_based = charge.kind in _USAGE_BASED
    return {
        "ChargeCategory": _CATEGORIES[charge.kind],
        "ChargeFrequency": "Usage-Based" if usage_based else "One-Time",
        "x_Entry": charge.kind.value,
    }


def _place_cells(charge: Charge, statement: Statement) -> dict[str, Cell]:
    project = charge.project_id
    centre = statement.cost_centre(project)
    return {
        "SubAccountId": project,
        "SubAccountName": statement.project_names.get(project, project) if project else None,
        "SubAccountType": "Project" if project else None,
        "RegionId": charge.zone,
        "RegionName": charge.zone,
        "ResourceId": charge.model,
        "ResourceType": "Model" if charge.model else None,
        "Tags": _json({"cost_centre": centre}) if centre else None,
        "x_CostCentre": centre,
        "x_Tier": charge.tier,
    }


def _sku_cells(charge: Charge) -> dict[str, Cell]:
    """A SKU is a model and a meter; its price ids are the terms that a price list tells apart.

    FOCUS wants both to be the same for every tenant, in every month and currency,
    so the price version is in ``x_PriceVersion``.
    """
    if charge.meter is None or charge.model is None:
        return {}
    facts, meter = charge.facts, METERS[charge.meter]
    model = facts.model if facts else charge.model
    details: dict[str, Any] = {"x_Model": model, "x_Meter": meter}
    terms: list[str] = []
    if facts and facts.window:
        details["x_Window"] = facts.window
        terms.append(facts.window)
    if facts and facts.above is not None:
        details["x_PromptTokensAbove"] = str(facts.above)
        terms.append(f"above-{facts.above}")
    if facts and facts.batch:
        details["x_Batch"] = True
        terms.append("batch")
    sku = f"{model}/{meter}"
    return {
        "SkuId": sku,
        "SkuMeter": meter,
        "SkuPriceId": "/".join([sku, *(terms or ["standard"])]),
        "SkuPriceDetails": _json(details),
    }


def _rate_cells(charge: Charge) -> dict[str, Cell]:
    cells: dict[str, Cell] = {"x_PriceVersion": charge.rate_id}
    if facts := charge.facts:
        cells["x_PriceWindow"] = facts.window
        cells["x_ServedModel"] = facts.served
        cells["x_MarkupPercent"] = facts.markup_percent
        cells["x_SourceCurrency"] = facts.source_currency
        cells["x_SourceExchangeRate"] = facts.exchange_rate
    return cells


def _usage_costs(meter: str, priced: Priced, conversion: Decimal) -> dict[str, Cell]:
    priced = _in_exact_blocks(priced)
    prices = priced.unit_price, priced.list_price
    blocks = EXACT.divide(priced.quantity, Decimal(priced.per))
    unit, listed = (_converted(meter, price, priced.per, conversion) for price in prices)
    billed = EXACT.multiply(unit, blocks)
    units = "Seconds" if meter == WORKER_SECOND else "Tokens"
    return {
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ContractedCost": billed,
        "ContractedUnitPrice": unit,
        "ListCost": EXACT.multiply(listed, blocks),
        "ListUnitPrice": listed,
        "PricingCategory": "Standard",
        "PricingCurrencyContractedUnitPrice": priced.unit_price,
        "PricingCurrencyEffectiveCost": EXACT.multiply(priced.unit_price, blocks),
        "PricingCurrencyListUnitPrice": priced.list_price,
        "PricingQuantity": blocks,
        "PricingUnit": units if priced.per == 1 else f"{priced.per} {units}",
        "ConsumedQuantity": priced.quantity,
        "ConsumedUnit": units,
    }


def _in_exact_blocks(priced: Priced) -> Priced:
    """Per single unit where the number of blocks would not be exact (``per`` = 3)."""
    per = Decimal(priced.per)
    blocks = EXACT.divide(priced.quantity, per)
    if quantize(blocks) == blocks and EXACT.multiply(blocks, per) == priced.quantity:
        return priced
    unit, listed = (line_amount(ONE, p, priced.per) for p in (priced.unit_price, priced.list_price))
    return Priced(priced.quantity, unit, listed, 1)


def _converted(meter: str, price: Decimal, per: int, conversion: Decimal) -> Decimal:
    if conversion == ONE:
        return price
    return rounded(meter, EXACT.multiply(price, conversion), per)


def _description(charge: Charge, statement: Statement) -> str:
    """What it is and what it costs, without a word that a person typed."""
    kind = charge.kind
    if kind is ChargeKind.TAX:
        return charge.label or "Tax"
    if kind is ChargeKind.ROUNDING:
        return f"Rounding of {statement.invoice_id} to the minor unit of {statement.currency}"
    if kind is ChargeKind.ADJUSTMENT:
        return f"Adjustment of the use of {charge.model}" if charge.model else "Adjustment"
    if kind is ChargeKind.CREDIT:
        return f"Credit for the use of {charge.model}" if charge.model else "Credit"
    meter = METERS[charge.meter or ""].replace("_", " ")
    window = charge.facts.window if charge.facts else None
    words = [str(charge.model), meter, *([window] if window else [])]
    if kind is ChargeKind.MINIMUM:
        return ", ".join([*words, "what requests were short of it"])
    if charge.priced is None:
        return ", ".join(words)
    price = f"{format_amount(charge.priced.unit_price)} {statement.pricing_currency}"
    unit = "second" if charge.meter == WORKER_SECOND else f"{charge.priced.per} tokens"
    return ", ".join([*words, f"{price} per {unit}"])


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), sort_keys=True)
