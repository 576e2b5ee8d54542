"""Writes FOCUS rows as CSV or Parquet, row by row, so that a large month needs little memory.

Amounts in CSV always have a decimal point: a reader that guesses types would take
``1250`` for an integer column. In Parquet they are ``decimal128(38, 18)``.
"""

import csv
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from billing.errors import InvalidReport
from billing.focus.columns import COLUMNS, FOCUS_VERSION, NAMES, Kind
from billing.focus.rows import Cell, Row
from billing.reports.files import without_formula
from core.money import SCALE, format_amount

_BATCH = 20_000


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """UTF-8, a header line, then the rows; empty cells for missing values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NAMES)
        writer.writerows(list(map(cell_text, row)) for row in rows)


def cell_text(cell: Cell) -> str:
    """A cell as CSV says it."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        text = format_amount(cell)
        return text if "." in text else f"{text}.0"
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%dT%H:%M:%SZ")
    return without_formula(cell)


def write_parquet(rows: Iterable[Row], path: Path) -> None:
    """Row groups of 20,000 rows; the schema's metadata names the version of FOCUS."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[Kind, Any] = {
        Kind.STRING: pa.string(),
        Kind.JSON: pa.string(),
        Kind.DECIMAL: pa.decimal128(38, SCALE),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    }
    fields = [pa.field(column.name, types[column.kind]) for column in COLUMNS]
    schema = pa.schema(fields, metadata={"focus.version": FOCUS_VERSION})
    remaining = iter(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(remaining, _BATCH)):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, fields, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


WRITERS: dict[str, Callable[[Iterable[Row], Path], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
}


def write_rows(rows: Iterable[Row], path: Path, file_format: str) -> None:
    """Write in one of ``WRITERS``.

    Raises:
        InvalidReport: an unknown format.
    """
    writer = WRITERS.get(file_format)
    if writer is None:
        raise InvalidReport(
            f"A FOCUS file is written as {' or '.join(WRITERS)}, not as '{file_format}'.",
            param="format",
        )
    writer(rows, path)
