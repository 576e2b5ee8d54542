"""Rules about the cells of one row taken together.

Read from the 1.2 rule set of the FinOps Foundation and put in our words; some
say more than it, because we know what our charges are (docs/focus.md lists all).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.focus.charge import METERS

Values = Mapping[str, Any]
"""Cells by column, as ``cells.read_cell`` returns them."""

PRICES = (
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
)
_PRICED = (*PRICES, "PricingQuantity", "PricingUnit", "PricingCategory", "SkuId", "SkuPriceId")
_NEVER = (
    "AvailabilityZone",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
)


@dataclass(frozen=True, slots=True)
class RowRule:
    """``broken`` names the columns of a row that break the rule."""

    id: str
    says: str
    broken: Callable[[Values], Iterable[str]]


def _billing_period(row: Values) -> Iterable[str]:
    if row["BillingPeriodStart"] >= row["BillingPeriodEnd"]:
        yield "BillingPeriodEnd"


def _charge_period(row: Values) -> Iterable[str]:
    if row["ChargePeriodStart"] >= row["ChargePeriodEnd"]:
        yield "ChargePeriodEnd"


def _charge_within_billing(row: Values) -> Iterable[str]:
    if row["ChargeClass"] is None and row["ChargePeriodStart"] < row["BillingPeriodStart"]:
        yield "ChargePeriodStart"
    if row["ChargePeriodEnd"] > row["BillingPeriodEnd"]:
        yield "ChargePeriodEnd"


def _usage_priced(row: Values) -> Iterable[str]:
    if row["ChargeCategory"] in ("Usage", "Purchase") and row["ChargeClass"] is None:
        return _empty(row, _PRICED)
    return ()


def _tax_unpriced(row: Values) -> Iterable[str]:
    return _filled(row, _PRICED) if row["ChargeCategory"] == "Tax" else ()


def _usage_consumed(row: Values) -> Iterable[str]:
    if row["ChargeCategory"] == "Usage" and row["ChargeClass"] is None:
        return _empty(row, ("ConsumedQuantity", "ConsumedUnit"))
    return ()


def _others_not_consumed(row: Values) -> Iterable[str]:
    if row["ChargeCategory"] != "Usage":
        return _filled(row, ("ConsumedQuantity", "ConsumedUnit"))
    return ()


def _frequency(row: Values) -> Iterable[str]:
    usage_based = row["ChargeFrequency"] == "Usage-Based"
    if row["ChargeCategory"] == "Usage" and not usage_based:
        yield "ChargeFrequency"
    if row["ChargeCategory"] in ("Purchase", "Tax", "Credit") and usage_based:
        yield "ChargeFrequency"


def _correction_reference(row: Values) -> Iterable[str]:
    if row["ChargeClass"] == "Correction" and row["x_Reason"] is None:
        return _empty(row, ("x_Reference",))
    return ()


def _quantity_unit(row: Values) -> Iterable[str]:
    for name in ("Pricing", "Consumed"):
        if (row[f"{name}Quantity"] is None) != (row[f"{name}Unit"] is None):
            yield f"{name}Unit"


def _region(row: Values) -> Iterable[str]:
    if (row["RegionId"] is None) != (row["RegionName"] is None):
        yield "RegionName"


def _sub_account(row: Values) -> Iterable[str]:
    names = ("SubAccountName", "SubAccountType")
    return _filled(row, names) if row["SubAccountId"] is None else _empty(row, names)


def _resource(row: Values) -> Iterable[str]:
    if row["ResourceId"] is None:
        return _filled(row, ("ResourceName", "ResourceType"))
    return _empty(row, ("ResourceType",))


def _sku_meter(row: Values) -> Iterable[str]:
    known = {None} if row["SkuId"] is None else set(METERS.values())
    if row["SkuMeter"] not in known:
        yield "SkuMeter"


def _sku_details(row: Values) -> Iterable[str]:
    details = row["SkuPriceDetails"]
    if details is None:
        return
    if row["SkuPriceId"] is None or not all(key.startswith("x_") for key in details):
        yield "SkuPriceDetails"


def _sku_price_needs_sku(row: Values) -> Iterable[str]:
    if row["SkuPriceId"] is not None and row["SkuId"] is None:
        yield "SkuId"


def _meter_unit(row: Values) -> Iterable[str]:
    unit = row["ConsumedUnit"]
    if unit is not None and unit != ("Seconds" if row["SkuMeter"] == "worker_second" else "Tokens"):
        yield "ConsumedUnit"


def _no_commitments(row: Values) -> Iterable[str]:
    return _filled(row, _NEVER)


def _empty(row: Values, names: Iterable[str]) -> Iterable[str]:
    return [name for name in names if row[name] is None]


def _filled(row: Values, names: Iterable[str]) -> Iterable[str]:
    return [name for name in names if row[name] is not None]


STRUCTURE_RULES: tuple[RowRule, ...] = (
    RowRule("billing-period", "A billing period ends after it starts.", _billing_period),
    RowRule("charge-period", "A charge period ends after it starts.", _charge_period),
    RowRule(
        "charge-within-billing",
        "A charge period lies within its billing period; that of a correction may start earlier.",
        _charge_within_billing,
    ),
    RowRule(
        "usage-priced",
        "A usage that corrects nothing has its prices, quantity, unit, category and SKU.",
        _usage_priced,
    ),
    RowRule("tax-unpriced", "A tax has none of those.", _tax_unpriced),
    RowRule(
        "usage-consumed",
        "A usage that corrects nothing says how much was consumed, and of what unit.",
        _usage_consumed,
    ),
    RowRule("others-not-consumed", "What is no usage consumed nothing.", _others_not_consumed),
    RowRule(
        "frequency",
        "A usage is usage-based; purchases, taxes and credits are not.",
        _frequency,
    ),
    RowRule(
        "correction-reference",
        "A correction names what it corrects, or the reason.",
        _correction_reference,
    ),
    RowRule("quantity-unit", "A quantity and its unit come together.", _quantity_unit),
    RowRule("region", "A region's id and name come together.", _region),
    RowRule("sub-account", "A sub-account's id, name and type come together.", _sub_account),
    RowRule("resource", "A resource has a type, and no resource has none.", _resource),
    RowRule("sku-meter", "A SKU has a meter that we have, and no SKU has none.", _sku_meter),
    RowRule(
        "sku-details",
        "Details of a price stand beside its SKU price id; keys of our own start with x_.",
        _sku_details,
    ),
    RowRule("sku-price-needs-sku", "A SKU price has a SKU.", _sku_price_needs_sku),
    RowRule("meter-unit", "Seconds of workers are in Seconds, the rest in Tokens.", _meter_unit),
    RowRule(
        "no-commitments",
        "Columns of commitments, capacity reservations and availability zones are empty.",
        _no_commitments,
    ),
)
