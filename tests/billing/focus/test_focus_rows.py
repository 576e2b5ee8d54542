"""Charges as FOCUS rows: figures worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from billing.focus.charge import METERS, Charge, Priced, Statement
from billing.focus.columns import COLUMNS, NAMES, Level
from billing.focus.rows import RowMaker, billed_cost
from billing.usage import CLASSES


def cells(statement: Statement, charge: Charge) -> dict[str, Any]:
    return dict(zip(NAMES, RowMaker(statement).row(charge), strict=True))


def test_columns_are_those_of_focus_and_ours_behind_them() -> None:
    custom = [column.level is Level.CUSTOM for column in COLUMNS]
    assert custom.count(False) == 57
    assert custom == sorted(custom)
    assert all(name.startswith("x_") == own for name, own in zip(NAMES, custom, strict=True))


def test_every_class_that_is_priced_has_a_meter() -> None:
    assert set(METERS) == {*CLASSES, "minimum_charge"}


def test_a_usage_in_blocks_of_a_million_tokens(statement: Statement, charges: list[Charge]) -> None:
    row = cells(statement, charges[1])
    assert row["ConsumedQuantity"] == 1_200_000
    assert (row["PricingQuantity"], row["PricingUnit"]) == (Decimal("1.2"), "1000000 Tokens")
    # 0.60 dollars are 0.30 euros, and the list price of 0.50 is 0.25.
    assert row["ContractedUnitPrice"] == Decimal("0.3")
    assert row["BilledCost"] == row["EffectiveCost"] == row["ContractedCost"] == Decimal("0.36")
    assert (row["ListUnitPrice"], row["ListCost"]) == (Decimal("0.25"), Decimal("0.3"))
    assert (row["PricingCurrency"], row["BillingCurrency"]) == ("USD", "EUR")
    assert row["PricingCurrencyEffectiveCost"] == Decimal("0.72")
    assert row["x_ExchangeRate"] == Decimal("0.5")
    assert row["ChargePeriodStart"] == datetime(2026, 11, 3, tzinfo=UTC)
    assert row["ChargePeriodEnd"] == datetime(2026, 11, 4, tzinfo=UTC)
    assert row["ChargeDescription"] == "flash, output visible, peak, 0.6 USD per 1000000 tokens"


def test_a_sku_price_id_knows_terms_but_no_version(
    statement: Statement, charges: list[Charge]
) -> None:
    row = cells(statement, charges[0])
    assert row["SkuId"] == "flash/input_uncached"
    assert row["SkuPriceId"] == "flash/input_uncached/peak"
    assert row["x_PriceVersion"] == "pv_1.aa"
    details = '{"x_Meter":"input_uncached","x_Model":"flash","x_Window":"peak"}'
    assert row["SkuPriceDetails"] == details
    assert charges[0].facts
    terms = msgspec.structs.replace(charges[0].facts, window=None, above=200_000, batch=True)
    long = cells(statement, replace(charges[0], facts=terms, rate_id="pv_1.bb"))
    assert long["SkuPriceId"] == "flash/input_uncached/above-200000/batch"
    plain = cells(statement, replace(charges[0], facts=None, rate_id="pv_0"))
    assert plain["SkuPriceId"] == "flash/input_uncached/standard"


def test_an_alias_is_the_sku_of_the_model_that_it_is_priced_as(
    statement: Statement, charges: list[Charge]
) -> None:
    row = cells(statement, replace(charges[0], model="fast-alias"))
    assert row["ResourceId"] == "fast-alias"
    assert row["SkuId"] == "flash/input_uncached"


def test_worker_seconds_are_seconds(statement: Statement, charges: list[Charge]) -> None:
    row = cells(statement, charges[2])
    assert row["PricingUnit"] == row["ConsumedUnit"] == "Seconds"
    assert row["PricingQuantity"] == row["ConsumedQuantity"] == Decimal("12.5")
    assert row["BilledCost"] == Decimal("0.06")


def test_a_minimum_charge_is_no_usage(statement: Statement, charges: list[Charge]) -> None:
    row = cells(statement, charges[3])
    assert (row["ChargeCategory"], row["ChargeFrequency"]) == ("Adjustment", "Usage-Based")
    assert row["SkuMeter"] == "minimum_charge"
    assert row["ConsumedQuantity"] is row["PricingQuantity"] is row["ListUnitPrice"] is None
    assert row["BilledCost"] == row["ListCost"] == Decimal("0.005")


def test_only_what_corrects_an_earlier_month_is_a_correction(
    statement: Statement, charges: list[Charge]
) -> None:
    row = cells(statement, charges[4])
    assert (row["ChargeCategory"], row["ChargeClass"]) == ("Adjustment", "Correction")
    assert (row["x_Reference"], row["x_Reason"]) == ("req_1", "Counted twice")
    assert row["BilledCost"] == Decimal("-0.005")
    same_month = cells(statement, replace(charges[4], corrects_earlier=False))
    assert same_month["ChargeClass"] is None


def test_a_tax_spans_the_billing_period_and_has_no_price(
    statement: Statement, charges: list[Charge]
) -> None:
    row = cells(statement, charges[6])
    assert (row["ChargeCategory"], row["ChargeDescription"]) == ("Tax", "VAT 19 %")
    assert row["ChargePeriodStart"] == statement.start
    assert row["ChargePeriodEnd"] == statement.end
    assert row["SkuId"] is row["SkuPriceId"] is row["PricingCategory"] is None
    # It is worked out in the invoice's currency, so there is no rate in it.
    assert (row["PricingCurrency"], row["x_ExchangeRate"]) == ("EUR", None)


def test_names_and_cost_centres_of_projects(statement: Statement, charges: list[Charge]) -> None:
    row = cells(statement, charges[0])
    assert (row["SubAccountId"], row["SubAccountName"]) == ("prj_1", "Support")
    assert (row["x_CostCentre"], row["Tags"]) == ("CC-7", '{"cost_centre":"CC-7"}')
    other = cells(statement, replace(charges[0], project_id="prj_2"))
    assert (other["SubAccountName"], other["Tags"]) == ("prj_2", None)


def test_blocks_that_are_not_exact_are_priced_by_the_token(
    statement: Statement, charges: list[Charge]
) -> None:
    priced = Priced(Decimal(7), Decimal(6), Decimal(9), 3)
    charge = replace(charges[0], priced=priced, amount=Decimal(14))
    row = cells(replace(statement, exchange_rate=Decimal(1), currency="USD"), charge)
    assert (row["PricingUnit"], row["PricingQuantity"]) == ("Tokens", 7)
    assert (row["ContractedUnitPrice"], row["ListUnitPrice"]) == (2, 3)
    assert (row["BilledCost"], row["ListCost"]) == (14, 21)


def test_a_converted_price_is_rounded_once_so_that_its_product_is_exact(
    statement: Statement, charges: list[Charge]
) -> None:
    odd = replace(statement, exchange_rate=Decimal("0.333333333333333333"))
    row = cells(odd, charges[0])
    # 0.15 * 0.333333333333333333 per million, with 12 places: 18 per token.
    assert row["ContractedUnitPrice"] == Decimal("0.05")
    assert row["BilledCost"] == row["ContractedUnitPrice"] * row["PricingQuantity"]
    assert row["BilledCost"] == billed_cost(charges[0], odd) == Decimal("0.1")


def test_the_cost_alone_is_that_of_the_row(statement: Statement, charges: list[Charge]) -> None:
    for charge in charges:
        assert billed_cost(charge, statement) == cells(statement, charge)["BilledCost"]
    assert sum(billed_cost(charge, statement) for charge in charges) == Decimal("1.19")
