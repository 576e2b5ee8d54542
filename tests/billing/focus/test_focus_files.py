"""FOCUS rows as files: types that readers guess right, exact amounts, no formulas."""

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from billing.errors import InvalidReport
from billing.focus.charge import Charge, Statement
from billing.focus.columns import COLUMNS, NAMES, Kind
from billing.focus.files import write_rows
from billing.focus.rows import RowMaker


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv(tmp_path: Path, statement: Statement, charges: list[Charge]) -> None:
    maker = RowMaker(statement)
    write_rows(map(maker.row, charges), tmp_path / "f.csv", "csv")
    rows = read_csv(tmp_path / "f.csv")
    assert list(rows[0]) == list(NAMES)
    assert rows[0]["ConsumedQuantity"] == "2000000.0"
    assert rows[0]["BilledCost"] == "0.15"
    assert rows[4]["BilledCost"] == "-0.005"
    assert rows[0]["ChargePeriodStart"] == "2026-11-03T00:00:00Z"
    assert rows[6]["SkuId"] == ""


def test_a_formula_stays_a_text_in_csv_and_a_negative_amount_a_number(
    tmp_path: Path, statement: Statement, charges: list[Charge]
) -> None:
    named = replace(statement, project_names={"prj_1": "=1+2"}, account_name="+ACME")
    write_rows(map(RowMaker(named).row, charges), tmp_path / "f.csv", "csv")
    row = read_csv(tmp_path / "f.csv")[4]
    assert (row["SubAccountName"], row["BillingAccountName"]) == ("'=1+2", "'+ACME")
    assert row["BilledCost"] == "-0.005"


def test_parquet(tmp_path: Path, statement: Statement, charges: list[Charge]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    maker = RowMaker(statement)
    write_rows(map(maker.row, charges), tmp_path / "f.parquet", "parquet")
    table = pq.read_table(tmp_path / "f.parquet")
    kinds = {
        Kind.STRING: pa.string(),
        Kind.JSON: pa.string(),
        Kind.DECIMAL: pa.decimal128(38, 18),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    }
    assert [(f.name, f.type) for f in table.schema] == [(c.name, kinds[c.kind]) for c in COLUMNS]
    assert table.schema.metadata[b"focus.version"] == b"1.2"
    assert sum(table["BilledCost"].to_pylist()) == Decimal("1.19")
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert rows == [maker.row(charge) for charge in charges]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_file_without_charges_has_its_columns(tmp_path: Path, file_format: str) -> None:
    import pyarrow.parquet as pq

    write_rows([], tmp_path / "f", file_format)
    if file_format == "csv":
        assert (tmp_path / "f").read_text("utf-8") == ",".join(NAMES) + "\n"
    else:
        assert pq.read_table(tmp_path / "f").column_names == list(NAMES)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidReport):
        write_rows([], tmp_path / "f", "xlsx")
