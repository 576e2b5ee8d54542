"""Checks a FOCUS file that we wrote, as CSV, against the rules of its columns.

It reads the file back as text, since most mistakes are made in writing: a number
with an exponent, a column that is all integers, an instant without its Z.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.focus.cells import CELL_RULES, BadCell, read_cell
from billing.focus.columns import BY_NAME, COLUMNS, Level
from billing.focus.cost_rules import COST_RULES
from billing.focus.rules import STRUCTURE_RULES, Values
from core.money import EXACT, ZERO

FILE_RULES = {
    "utf-8": "The file is UTF-8.",
    "columns-present": "Every column that we write is there.",
    "columns-once": "No column stands twice.",
    "columns-known": "A column that is not of FOCUS 1.2 starts with x_.",
    "columns-order": "Columns with x_ follow all others.",
    "row-length": "A row has as many cells as there are columns.",
}
DATASET_RULES = {
    "sku-price-parent": "A SKU price id belongs to one SKU.",
    "sku-one-meter": "A SKU has one meter.",
    "service-one-category": "A service has one category and one subcategory.",
    "invoice-one-account": "An invoice has one account, one currency and one billing period.",
    "row-once": "No two usages are alike in account, project, model, tier, region, price and day.",
    "invoice-sum": "The billed costs of an invoice add up to what is payable, to the last digit.",
}
ROW_RULES = (*STRUCTURE_RULES, *COST_RULES)
RULES: dict[str, str] = {
    **FILE_RULES,
    **CELL_RULES,
    **{rule.id: rule.says for rule in ROW_RULES},
    **DATASET_RULES,
}

_INVOICE = ("BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd")
_KEY = ("BillingAccountId", "InvoiceId", "SubAccountId", "ResourceId", "x_Tier", "RegionId")
_KEY += ("SkuPriceId", "x_PriceVersion", "ChargePeriodStart")


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: where, by line of the file (1 is the header) and column."""

    rule: str
    line: int
    column: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{self.rule} ({where}): {RULES[self.rule]}"


def check_file(path: Path, payables: Mapping[str, Decimal] | None = None) -> list[Finding]:
    """Everything that is wrong with a CSV file.

    Args:
        payables: what is payable by invoice id; every invoice in it must be in the
            file, and every invoice of the file in it.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return check_lines(csv.reader(file), payables)
    except UnicodeDecodeError:
        return [Finding("utf-8", 1)]


def check_lines(
    lines: Iterable[Sequence[str]], payables: Mapping[str, Decimal] | None = None
) -> list[Finding]:
    """The same for lines that are read already, the header first."""
    remaining = iter(lines)
    header = next(remaining, [])
    findings = list(_check_header(header))
    if findings:
        return findings
    dataset = _Dataset()
    for line, texts in enumerate(remaining, start=2):
        if len(texts) != len(header):
            findings.append(Finding("row-length", line))
            continue
        values, bad = _read(header, texts, line)
        findings += bad
        if not bad:
            findings += _check_row(values, line)
            findings += dataset.add(values, line)
    return findings + list(dataset.check_sums(payables))


def _check_header(header: Sequence[str]) -> Iterator[Finding]:
    for name in sorted({column.name for column in COLUMNS} - set(header)):
        yield Finding("columns-present", 1, name)
    for name, times in Counter(header).items():
        if times > 1:
            yield Finding("columns-once", 1, name)
    custom_seen = False
    for name in header:
        custom = name.startswith("x_")
        known = BY_NAME.get(name)
        if not custom and (known is None or known.level is Level.CUSTOM):
            yield Finding("columns-known", 1, name)
        if custom_seen and not custom:
            yield Finding("columns-order", 1, name)
        custom_seen = custom_seen or custom


def _read(
    header: Sequence[str], texts: Sequence[str], line: int
) -> tuple[dict[str, Any], list[Finding]]:
    values: dict[str, Any] = {}
    bad: list[Finding] = []
    for name, text in zip(header, texts, strict=True):
        column = BY_NAME.get(name)
        if column is None:
            continue
        try:
            values[name] = read_cell(column, text)
        except BadCell as cell:
            bad.append(Finding(cell.rule, line, name))
    return values, bad


def _check_row(values: Values, line: int) -> Iterator[Finding]:
    for rule in ROW_RULES:
        for name in rule.broken(values):
            yield Finding(rule.id, line, name)


class _Dataset:
    """What must hold between rows."""

    def __init__(self) -> None:
        self._sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._first: dict[tuple[str, Any], Any] = {}

    def add(self, row: Values, line: int) -> Iterator[Finding]:
        invoice = row["InvoiceId"]
        self._sums[invoice] = EXACT.add(self._sums[invoice], row["BilledCost"])
        if row["SkuPriceId"] is not None:
            yield from self._one("sku-price-parent", row, line, ("SkuPriceId",), ("SkuId",))
        if row["SkuId"] is not None:
            yield from self._one("sku-one-meter", row, line, ("SkuId",), ("SkuMeter",))
        service = ("ServiceCategory", "ServiceSubcategory")
        yield from self._one("service-one-category", row, line, ("ServiceName",), service)
        yield from self._one("invoice-one-account", row, line, ("InvoiceId",), _INVOICE)
        if row["x_Entry"] == "usage":
            key = "row-once", tuple(row[name] for name in _KEY)
            if self._first.setdefault(key, line) != line:
                yield Finding("row-once", line)

    def _one(
        self, rule: str, row: Values, line: int, of: tuple[str, ...], has: tuple[str, ...]
    ) -> Iterator[Finding]:
        """What stands in ``has`` is the same wherever ``of`` is."""
        values = tuple(row[name] for name in has)
        first = self._first.setdefault((rule, tuple(row[name] for name in of)), values)
        if first != values:
            yield Finding(rule, line, has[0])

    def check_sums(self, payables: Mapping[str, Decimal] | None) -> Iterator[Finding]:
        if payables is None:
            return
        for invoice in sorted({*payables, *self._sums}):
            if payables.get(invoice) != self._sums.get(invoice, ZERO):
                yield Finding("invoice-sum", 1, invoice)
