"""Rules about the prices and costs of one row: products and sums without a rounding."""

from collections.abc import Iterable
from decimal import Decimal

from billing.focus.rules import PRICES, RowRule, Values
from core.money import EXACT

_COSTS = ("ListCost", "ContractedCost", "EffectiveCost")


def _price_not_negative(row: Values) -> Iterable[str]:
    return [name for name in PRICES if row[name] is not None and row[name] < 0]


def _list_cost(row: Values) -> Iterable[str]:
    return _product(row, "ListUnitPrice", "ListCost")


def _contracted_cost(row: Values) -> Iterable[str]:
    return _product(row, "ContractedUnitPrice", "ContractedCost")


def _pricing_currency_cost(row: Values) -> Iterable[str]:
    return _product(row, "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost")


def _unpriced_cost(row: Values) -> Iterable[str]:
    if row["ContractedUnitPrice"] is None:
        return [name for name in _COSTS if row[name] != row["BilledCost"]]
    return ()


def _no_amortisation(row: Values) -> Iterable[str]:
    names = ("EffectiveCost", "ContractedCost")
    return [name for name in names if row[name] != row["BilledCost"]]


def _own_invoice(row: Values) -> Iterable[str]:
    if row["ProviderName"] != row["InvoiceIssuerName"] and row["BilledCost"]:
        yield "BilledCost"


def _one_currency(row: Values) -> Iterable[str]:
    if row["PricingCurrency"] != row["BillingCurrency"]:
        return ()
    pairs = [(f"PricingCurrency{name}", name) for name in ("ListUnitPrice", "ContractedUnitPrice")]
    pairs.append(("PricingCurrencyEffectiveCost", "EffectiveCost"))
    return [ours for ours, name in pairs if row[ours] != row[name]]


def _blocks(row: Values) -> Iterable[str]:
    quantity, consumed = row["PricingQuantity"], row["ConsumedQuantity"]
    if quantity is None or consumed is None or row["PricingUnit"] is None:
        return
    size, _, unit = row["PricingUnit"].rpartition(" ")
    if EXACT.multiply(quantity, Decimal(size or 1)) != consumed or unit != row["ConsumedUnit"]:
        yield "PricingQuantity"


def _product(row: Values, price: str, cost: str) -> Iterable[str]:
    if row[price] is None or row["PricingQuantity"] is None or row["ChargeClass"] is not None:
        return
    if EXACT.multiply(row[price], row["PricingQuantity"]) != row[cost]:
        yield cost


COST_RULES: tuple[RowRule, ...] = (
    RowRule("price-not-negative", "A unit price is 0 or more.", _price_not_negative),
    RowRule(
        "list-cost",
        "ListUnitPrice x PricingQuantity is ListCost, to the last digit, except in corrections.",
        _list_cost,
    ),
    RowRule(
        "contracted-cost",
        "ContractedUnitPrice x PricingQuantity is ContractedCost, likewise.",
        _contracted_cost,
    ),
    RowRule(
        "pricing-currency-cost",
        "The same holds in the pricing currency, for its effective cost.",
        _pricing_currency_cost,
    ),
    RowRule(
        "unpriced-cost",
        "Without a unit price, list, contracted and effective cost are the billed cost.",
        _unpriced_cost,
    ),
    RowRule(
        "no-amortisation",
        "Effective and contracted cost are the billed cost: nothing is paid in advance.",
        _no_amortisation,
    ),
    RowRule(
        "own-invoice",
        "Only the provider's own invoices have a billed cost that is not 0.",
        _own_invoice,
    ),
    RowRule(
        "one-currency",
        "Where prices are in the currency of the invoice, both sets of columns agree.",
        _one_currency,
    ),
    RowRule(
        "blocks",
        "PricingQuantity x the size of PricingUnit is ConsumedQuantity, in the same unit.",
        _blocks,
    ),
)
