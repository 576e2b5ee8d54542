"""Golden bills, worked out by hand: exact to the last digit, in every file format."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from billing import (
    BillingReport,
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    adjust,
    billing_report,
    month_span,
    snapshot,
    write_table,
)
from billing.errors import InvalidReport, LedgerMismatch
from core.database import Database

_NOVEMBER = month_span("2026-11")
_BOOK = PriceBook.from_settings(
    [
        {
            "model": "sov-flash",
            "effective_from": "2026-01-01",
            "input": "0.15",
            "cached_input": "0.003",
            "output": "0.60",
        },
        # The price of input doubles in mid-month.
        {
            "model": "sov-flash",
            "effective_from": "2026-11-15",
            "input": "0.30",
            "cached_input": "0.003",
            "output": "0.60",
        },
        {
            "model": "sov-pro",
            "effective_from": "2026-01-01",
            "input": "0.66",
            "cached_input": "0.022",
            "output": "1.98",
            "reasoning": "2.50",
            "worker_second": "0.00041",
        },
    ]
)
_FIRST, _SECOND = (
    _BOOK.version_for("sov-flash", datetime(2026, 11, d, tzinfo=UTC)) for d in (1, 20)
)
_PRO = _BOOK.version_for("sov-pro", datetime(2026, 11, 1, tzinfo=UTC))

# (request, day, project, model, tier, usage)
_REQUESTS: list[tuple[str, datetime, str, str, str, Usage]] = [
    (
        "req_1",
        datetime(2026, 11, 3, tzinfo=UTC),
        "prj_a",
        "sov-flash",
        "flash",
        Usage(input_tokens=1001, cached_input_tokens=7, output_tokens=33),
    ),
    (
        "req_2",
        datetime(2026, 11, 14, 23, 59, 59, 999999, tzinfo=UTC),
        "prj_a",
        "sov-flash",
        "flash",
        Usage(input_tokens=2, output_tokens=1),
    ),
    (
        "req_3",
        datetime(2026, 11, 15, tzinfo=UTC),
        "prj_a",
        "sov-flash",
        "flash",
        Usage(input_tokens=1001),
    ),
    (
        "req_4",
        datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC),
        "prj_b",
        "sov-pro",
        "think-high",
        Usage(
            input_tokens=10,
            output_tokens=20,
            reasoning_tokens=300,
            worker_seconds=Decimal("1.234567"),
        ),
    ),
    # not in November
    (
        "req_5",
        datetime(2026, 12, 1, tzinfo=UTC),
        "prj_a",
        "sov-flash",
        "flash",
        Usage(input_tokens=10**9),
    ),
]

# Worked out on paper.
_LINES = [
    # prj_a, first price: input 1003 * 0.15/M, cached 7 * 0.003/M, output 34 * 0.60/M
    ("prj_a", "sov-flash", "flash", _FIRST.id, "input", "1003", "0.15", "0.00015045"),
    ("prj_a", "sov-flash", "flash", _FIRST.id, "cached_input", "7", "0.003", "0.000000021"),
    ("prj_a", "sov-flash", "flash", _FIRST.id, "output", "34", "0.6", "0.0000204"),
    # prj_a, second price: input 1001 * 0.30/M
    ("prj_a", "sov-flash", "flash", _SECOND.id, "input", "1001", "0.3", "0.0003003"),
    # prj_b: 10 * 0.66/M, 20 * 1.98/M, 300 * 2.50/M, 1.234567 s * 0.00041
    ("prj_b", "sov-pro", "think-high", _PRO.id, "input", "10", "0.66", "0.0000066"),
    ("prj_b", "sov-pro", "think-high", _PRO.id, "output", "20", "1.98", "0.0000396"),
    ("prj_b", "sov-pro", "think-high", _PRO.id, "reasoning", "300", "2.5", "0.00075"),
    (
        "prj_b",
        "sov-pro",
        "think-high",
        _PRO.id,
        "worker_second",
        "1.234567",
        "0.00041",
        "0.00050617247",
    ),
    # the credit of test data below, for req_1
    ("prj_a", "sov-flash", "flash", _FIRST.id, "adjustment", "1", "-0.0001", "-0.0001"),
]
# 0.00015045 + 0.000000021 + 0.0000204 + 0.0003003 + 0.0000066 + 0.0000396 + 0.00075
# + 0.00050617247 - 0.0001
_TOTAL = Decimal("0.00167354347")


@pytest.fixture
async def november(stage: Any, database: Database) -> BillingReport:
    settlements = []
    for request_id, at, project, model, tier, usage in _REQUESTS:
        reservation = Reservation(
            request_id=request_id,
            tenant="acme",
            project_id=project,
            key_id="key_1",
            amount=Decimal(1),
            at=at,
        )
        breakdown = _BOOK.version_for(model, at).cost(usage)
        settlements.append(
            Settlement.settle(reservation, usage=usage, breakdown=breakdown, model=model, tier=tier)
        )
    await stage.drain(*settlements)
    async with database.transaction() as session:
        await adjust(
            session,
            stage.clock,
            tenant="acme",
            amount="-0.0001",
            reason="=goodwill",
            author="finance@example.com",
            request_id="req_1",
        )
    async with snapshot(database) as session:
        return await billing_report(session, "acme", *_NOVEMBER)


def _order(line: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(part) for part in line)


async def test_the_lines_are_those_worked_out_by_hand(november: BillingReport) -> None:
    keys = ("project_id", "model", "tier", "price_version", "token_class")
    keys += ("quantity", "unit_price", "amount")
    lines = [tuple(line[key] for key in keys) for line in november.to_json()["lines"]]
    assert sorted(lines, key=_order) == sorted(_LINES, key=_order)
    assert november.total == _TOTAL
    assert november.to_json()["total"] == "0.00167354347"
    json.dumps(november.to_json())


async def test_csv_is_exact_and_safe_to_open(november: BillingReport, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    write_table(november.table(), path, "csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert sum(Decimal(row["amount"]) for row in rows) == _TOTAL
    assert rows[-1]["reason"] == "'=goodwill"
    assert rows[0]["period_start"] == "2026-11-01T00:00:00.000000Z"
    assert "E-" not in path.read_text("utf-8")


async def test_parquet_holds_decimals(november: BillingReport, tmp_path: Path) -> None:
    path = tmp_path / "bill.parquet"
    write_table(november.table(), path, "parquet")
    table = pq.read_table(path)
    assert table.schema.field("amount").type == pa.decimal128(38, 18)
    assert sum(table["amount"].to_pylist()) == _TOTAL
    assert table.schema.metadata[b"sovgate.total"] == b"0.00167354347"
    assert table["period_end"][0].as_py() == datetime(2026, 12, 1, tzinfo=UTC)


async def test_xlsx_holds_a_number_and_the_exact_text(
    november: BillingReport, tmp_path: Path
) -> None:
    path = tmp_path / "bill.xlsx"
    write_table(november.table(), path, "xlsx")
    book = openpyxl.load_workbook(path)
    header, *rows = book["billing"].iter_rows(values_only=True)
    names = [str(name) for name in header]
    exact, number = names.index("amount_exact"), names.index("amount")
    assert sum(Decimal(str(row[exact])) for row in rows) == _TOTAL
    assert sum(float(str(row[number])) for row in rows) == pytest.approx(float(_TOTAL), rel=1e-12)
    facts = list(book["facts"].iter_rows(values_only=True))
    assert ("total", "0.00167354347") in facts


async def test_another_tenant_sees_an_empty_bill(
    november: BillingReport, database: Database, tmp_path: Path
) -> None:
    async with snapshot(database) as session:
        report = await billing_report(session, "globex", *_NOVEMBER)
    assert (report.lines, report.total, report.last_entry) == ([], 0, 0)
    for file_format in ("csv", "parquet", "xlsx"):
        write_table(report.table(), tmp_path / f"bill.{file_format}", file_format)


@pytest.mark.usefixtures("november")
async def test_a_bill_that_does_not_add_up_is_not_written(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE usage_days SET output_tokens = output_tokens + 1"))
    async with snapshot(database) as session:
        with pytest.raises(LedgerMismatch, match="sovgate billing check"):
            await billing_report(session, "acme", *_NOVEMBER)


async def test_spans_and_formats_are_checked(
    november: BillingReport, database: Database, tmp_path: Path
) -> None:
    start, _ = _NOVEMBER
    async with database.session() as session:
        with pytest.raises(InvalidReport):
            await billing_report(session, "acme", start, start - timedelta(days=1))
    with pytest.raises(InvalidReport, match="csv, parquet, xlsx"):
        write_table(november.table(), tmp_path / "x", "pdf")
