"""The columns of a FOCUS 1.2 ``CostAndUsage`` file as we write it, in their order.

All 57 of the specification, so that an importer finds what it expects: those
about commitments, capacity reservations and availability zones are always empty,
since we have none. Ours follow, with the prefix ``x_``.
"""

from dataclasses import dataclass
from enum import StrEnum

FOCUS_VERSION = "1.2"


class Kind(StrEnum):
    """The data types of FOCUS."""

    STRING = "string"
    DECIMAL = "decimal"
    INSTANT = "date/time"
    JSON = "key-value"


class Level(StrEnum):
    """Whether the specification wants a column in every file."""

    MANDATORY = "mandatory"
    CONDITIONAL = "conditional"
    RECOMMENDED = "recommended"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """``allowed`` is empty where any value may stand."""

    name: str
    level: Level
    kind: Kind = Kind.STRING
    nullable: bool = True
    allowed: tuple[str, ...] = ()


def _mandatory(
    name: str, kind: Kind = Kind.STRING, *allowed: str, nullable: bool = False
) -> FocusColumn:
    return FocusColumn(name, Level.MANDATORY, kind, nullable, allowed)


def _conditional(
    name: str, kind: Kind = Kind.STRING, *allowed: str, nullable: bool = True
) -> FocusColumn:
    return FocusColumn(name, Level.CONDITIONAL, kind, nullable, allowed)


def _custom(name: str, kind: Kind = Kind.STRING) -> FocusColumn:
    return FocusColumn(f"x_{name}", Level.CUSTOM, kind)


AI_SUBCATEGORIES = (
    "AI Platforms",
    "Bots",
    "Generative AI",
    "Machine Learning",
    "Natural Language Processing",
    "Other (AI and Machine Learning)",
)
AI_CATEGORY = "AI and Machine Learning"

COLUMNS: tuple[FocusColumn, ...] = (
    _conditional("AvailabilityZone"),
    _mandatory("BilledCost", Kind.DECIMAL),
    _mandatory("BillingAccountId"),
    _mandatory("BillingAccountName"),
    _conditional("BillingAccountType", nullable=False),
    _mandatory("BillingCurrency"),
    _mandatory("BillingPeriodEnd", Kind.INSTANT),
    _mandatory("BillingPeriodStart", Kind.INSTANT),
    _conditional("CapacityReservationId"),
    _conditional("CapacityReservationStatus"),
    _mandatory("ChargeCategory", Kind.STRING, "Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    _mandatory("ChargeClass", Kind.STRING, "Correction", nullable=True),
    _mandatory("ChargeDescription"),
    FocusColumn(
        "ChargeFrequency",
        Level.RECOMMENDED,
        nullable=False,
        allowed=("One-Time", "Recurring", "Usage-Based"),
    ),
    _mandatory("ChargePeriodEnd", Kind.INSTANT),
    _mandatory("ChargePeriodStart", Kind.INSTANT),
    _conditional("CommitmentDiscountCategory"),
    _conditional("CommitmentDiscountId"),
    _conditional("CommitmentDiscountName"),
    _conditional("CommitmentDiscountQuantity", Kind.DECIMAL),
    _conditional("CommitmentDiscountStatus"),
    _conditional("CommitmentDiscountType"),
    _conditional("CommitmentDiscountUnit"),
    _conditional("ConsumedQuantity", Kind.DECIMAL),
    _conditional("ConsumedUnit"),
    _mandatory("ContractedCost", Kind.DECIMAL),
    _conditional("ContractedUnitPrice", Kind.DECIMAL),
    _mandatory("EffectiveCost", Kind.DECIMAL),
    FocusColumn("InvoiceId", Level.RECOMMENDED, nullable=False),
    _mandatory("InvoiceIssuerName"),
    _mandatory("ListCost", Kind.DECIMAL),
    _conditional("ListUnitPrice", Kind.DECIMAL),
    _conditional("PricingCategory", Kind.STRING, "Standard", "Dynamic", "Committed", "Other"),
    _conditional("PricingCurrency", nullable=False),
    _conditional("PricingCurrencyContractedUnitPrice", Kind.DECIMAL),
    _conditional("PricingCurrencyEffectiveCost", Kind.DECIMAL, nullable=False),
    _conditional("PricingCurrencyListUnitPrice", Kind.DECIMAL),
    _mandatory("PricingQuantity", Kind.DECIMAL, nullable=True),
    _mandatory("PricingUnit", nullable=True),
    _mandatory("ProviderName"),
    _mandatory("PublisherName"),
    _conditional("RegionId"),
    _conditional("RegionName"),
    _conditional("ResourceId"),
    _conditional("ResourceName"),
    _conditional("ResourceType"),
    _mandatory("ServiceCategory", Kind.STRING, AI_CATEGORY),
    _mandatory("ServiceName"),
    FocusColumn("ServiceSubcategory", Level.RECOMMENDED, nullable=False, allowed=AI_SUBCATEGORIES),
    _conditional("SkuId"),
    _conditional("SkuMeter"),
    _conditional("SkuPriceDetails", Kind.JSON),
    _conditional("SkuPriceId"),
    _conditional("SubAccountId"),
    _conditional("SubAccountName"),
    _conditional("SubAccountType"),
    _conditional("Tags", Kind.JSON),
    _custom("CostCentre"),
    _custom("Entry"),
    _custom("ExchangeRate", Kind.DECIMAL),
    _custom("InvoiceStatus"),
    _custom("MarkupPercent", Kind.DECIMAL),
    _custom("PriceVersion"),
    _custom("PriceWindow"),
    _custom("Reason"),
    _custom("Reference"),
    _custom("ServedModel"),
    _custom("SourceCurrency"),
    _custom("SourceExchangeRate", Kind.DECIMAL),
    _custom("Tier"),
)

NAMES = tuple(column.name for column in COLUMNS)
BY_NAME = {column.name: column for column in COLUMNS}
