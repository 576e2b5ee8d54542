"""The checker: a right file passes, and every rule has a row that breaks it."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from billing.focus.charge import Charge, Statement
from billing.focus.checker import RULES, check_file, check_lines
from billing.focus.columns import NAMES
from billing.focus.files import write_rows
from billing.focus.rows import RowMaker

Lines = list[list[str]]
DOCUMENT = Path(__file__).parents[3] / "docs" / "focus.md"
PAYABLE = {"INV-2026-0001": Decimal("1.19")}
INPUT, OUTPUT, SECONDS, MINIMUM, ADJUSTMENT, CREDIT, TAX, ROUNDING = range(1, 9)


def cell(row: int, column: str, text: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[row][NAMES.index(column)] = text

    return change


def cells(row: int, **texts: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        for column, text in texts.items():
            cell(row, column, text)(lines)

    return change


def without_column(lines: Lines) -> None:
    for line in lines:
        del line[NAMES.index("InvoiceId")]


def with_column(name: str, at: int) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        for line in lines:
            line.insert(at, "")
        lines[0][at] = name

    return change


def twice(lines: Lines) -> None:
    lines.append(list(lines[INPUT]))


BAD: dict[str, Callable[[Lines], None]] = {
    "columns-present": without_column,
    "columns-once": with_column("x_Tier", len(NAMES)),
    "columns-known": with_column("Tier", 0),
    "columns-order": with_column("BilledCost", len(NAMES)),
    "row-length": lambda lines: lines[INPUT].append(""),
    "not-null": cell(INPUT, "BilledCost", ""),
    "no-placeholder": cell(INPUT, "RegionName", "N/A"),
    "allowed-value": cell(INPUT, "ChargeCategory", "usage"),
    "decimal-format": cell(INPUT, "ConsumedQuantity", "2000000"),
    "decimal-range": cell(INPUT, "BilledCost", "0.1500000000000000001"),
    "instant-format": cell(INPUT, "ChargePeriodStart", "2026-11-31T00:00:00Z"),
    "key-value": cell(INPUT, "Tags", '{"a":1,"a":2}'),
    "currency-code": cell(INPUT, "BillingCurrency", "eur"),
    "unit-format": cell(INPUT, "PricingUnit", "1M tokens"),
    "billing-period": cell(INPUT, "BillingPeriodEnd", "2026-11-01T00:00:00Z"),
    "charge-period": cell(INPUT, "ChargePeriodEnd", "2026-11-03T00:00:00Z"),
    "charge-within-billing": cell(INPUT, "ChargePeriodStart", "2026-10-31T00:00:00Z"),
    "usage-priced": cell(INPUT, "PricingCategory", ""),
    "tax-unpriced": cell(TAX, "PricingCategory", "Standard"),
    "usage-consumed": cells(INPUT, ConsumedQuantity="", ConsumedUnit=""),
    "others-not-consumed": cells(CREDIT, ConsumedQuantity="1.0", ConsumedUnit="Tokens"),
    "frequency": cell(INPUT, "ChargeFrequency", "One-Time"),
    "correction-reference": cells(ADJUSTMENT, x_Reference="", x_Reason=""),
    "quantity-unit": cell(INPUT, "ConsumedUnit", ""),
    "region": cell(INPUT, "RegionName", ""),
    "sub-account": cell(INPUT, "SubAccountType", ""),
    "resource": cell(INPUT, "ResourceType", ""),
    "sku-meter": cell(INPUT, "SkuMeter", "tokens"),
    "sku-details": cell(INPUT, "SkuPriceDetails", '{"Model":"flash"}'),
    "sku-price-needs-sku": cells(MINIMUM, SkuId="", SkuMeter=""),
    "meter-unit": cell(SECONDS, "ConsumedUnit", "Tokens"),
    "no-commitments": cell(INPUT, "CommitmentDiscountId", "c_1"),
    "price-not-negative": cell(MINIMUM, "ListUnitPrice", "-1.0"),
    "list-cost": cell(OUTPUT, "ListCost", "0.300000000000000001"),
    "contracted-cost": cell(OUTPUT, "ContractedUnitPrice", "0.300000000001"),
    "pricing-currency-cost": cell(OUTPUT, "PricingCurrencyEffectiveCost", "0.36"),
    "unpriced-cost": cell(CREDIT, "ListCost", "0.5"),
    "no-amortisation": cell(INPUT, "EffectiveCost", "0.0"),
    "own-invoice": cell(INPUT, "InvoiceIssuerName", "A marketplace"),
    "one-currency": cells(INPUT, PricingCurrency="EUR"),
    "blocks": cell(INPUT, "PricingUnit", "1000 Tokens"),
    "sku-price-parent": cell(OUTPUT, "SkuPriceId", "flash/input_uncached/peak"),
    "sku-one-meter": cell(OUTPUT, "SkuId", "flash/input_uncached"),
    "service-one-category": cell(OUTPUT, "ServiceSubcategory", "Bots"),
    "invoice-one-account": cell(OUTPUT, "BillingAccountId", "other"),
    "row-once": twice,
    "invoice-sum": cell(CREDIT, "BilledCost", "0.432100000000000001"),
}


def test_a_right_file_has_no_findings(
    tmp_path: Path, statement: Statement, charges: list[Charge], lines: Lines
) -> None:
    assert check_lines(lines, PAYABLE) == []
    write_rows(map(RowMaker(statement).row, charges), tmp_path / "f.csv", "csv")
    assert check_file(tmp_path / "f.csv", PAYABLE) == []


@pytest.mark.parametrize("rule", BAD)
def test_every_rule_finds_what_breaks_it(rule: str, lines: Lines) -> None:
    BAD[rule](lines)
    found = [finding for finding in check_lines(lines, PAYABLE) if finding.rule == rule]
    assert found
    assert str(found[0]).startswith(f"{rule} (")
    assert str(found[0]).endswith(RULES[rule])


def test_every_rule_is_tried_here() -> None:
    assert {*BAD, "utf-8"} == set(RULES)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"\xff\xfe")
    assert [finding.rule for finding in check_file(tmp_path / "f.csv")] == ["utf-8"]


def test_a_finding_says_where(lines: Lines) -> None:
    cell(OUTPUT, "BillingCurrency", "eur")(lines)
    finding = check_lines(lines)[0]
    assert (finding.line, finding.column) == (3, "BillingCurrency")


def test_an_invoice_that_is_missing_is_found(lines: Lines) -> None:
    payables = {**PAYABLE, "INV-2026-0002": Decimal(1)}
    assert [finding.column for finding in check_lines(lines, payables)] == ["INV-2026-0002"]
    assert [finding.column for finding in check_lines(lines, {})] == ["INV-2026-0001"]


def test_the_document_lists_every_rule_and_column() -> None:
    text = DOCUMENT.read_text("utf-8")
    section = text.split("## Our checker")[1].split("## ")[0]
    assert dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", section, re.MULTILINE)) == RULES
    assert set(NAMES) <= set(re.findall(r"`(\w+)`", text))
