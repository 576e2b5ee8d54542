"""Writes a table as CSV, Parquet or XLSX with exact amounts.

CSV holds amounts as plain decimal text, Parquet as ``decimal128(38, 18)``. An
XLSX number is a binary float to every spreadsheet, so each amount column stands
there twice: as a number to calculate with, and as text (``..._exact``).
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.errors import InvalidReport
from billing.reports.table import Cell, Column, ColumnKind, Table
from core.clock import isoformat
from core.money import SCALE, format_amount

# A cell that starts so is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: Table, path: Path) -> None:
    """UTF-8, a header line, then the rows; empty cells for missing values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in table.columns])
        for row in table.rows:
            writer.writerow([_text(cell) for cell in row])


def write_parquet(table: Table, path: Path) -> None:
    """One row group; the table's facts are in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        ColumnKind.TEXT: pa.string(),
        ColumnKind.INTEGER: pa.int64(),
        ColumnKind.AMOUNT: pa.decimal128(38, SCALE),
        ColumnKind.INSTANT: pa.timestamp("us", tz="UTC"),
    }
    fields = [pa.field(column.name, types[column.kind]) for column in table.columns]
    columns = [[row[number] for row in table.rows] for number in range(len(table.columns))]
    arrays = [pa.array(v, type=f.type) for v, f in zip(columns, fields, strict=True)]
    schema = pa.schema(fields, metadata={f"sovgate.{k}": v for k, v in table.facts.items()})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def write_xlsx(table: Table, path: Path) -> None:
    """A sheet with the rows and a sheet ``facts`` (tenant, period, total)."""
    write_workbook([table], table.facts, path)


def write_workbook(tables: Sequence[Table], facts: Mapping[str, str], path: Path) -> None:
    """A sheet for each table, by its title, and a sheet ``facts``."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table.title)
        sheet.freeze_panes = "A2"
        sheet.append([name for column in table.columns for name in _xlsx_names(column)])
        for row in table.rows:
            cells = zip(table.columns, row, strict=True)
            sheet.append([value for column, cell in cells for value in _xlsx_cells(column, cell)])
    last = book.create_sheet("facts")
    for name, value in facts.items():
        last.append([name, without_formula(value)])
    book.save(path)


WRITERS: dict[str, Callable[[Table, Path], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "xlsx": write_xlsx,
}


def write_table(table: Table, path: Path, file_format: str) -> None:
    """Write in one of ``WRITERS``.

    Raises:
        InvalidReport: an unknown format.
    """
    writer = WRITERS.get(file_format)
    if writer is None:
        raise InvalidReport(
            f"A report is written as {', '.join(WRITERS)}, not as '{file_format}'.", param="format"
        )
    writer(table, path)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return format_amount(cell)
    if isinstance(cell, datetime):
        return isoformat(cell)
    return without_formula(cell) if isinstance(cell, str) else str(cell)


def without_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _xlsx_names(column: Column) -> list[str]:
    exact = column.kind is ColumnKind.AMOUNT
    return [column.name, f"{column.name}_exact"] if exact else [column.name]


def _xlsx_cells(column: Column, cell: Cell) -> list[Any]:
    if column.kind is ColumnKind.AMOUNT:
        return [cell, None if cell is None else _text(cell)]
    return [cell if isinstance(cell, int) else _text(cell)]
