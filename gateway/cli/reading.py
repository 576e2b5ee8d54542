"""What the commands that read the ledger share: database, spans of time, files."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from billing.reports.table import Table
    from core.database import Database

FromOption = Annotated[
    str | None, typer.Option("--from", help="First day or instant; default: this month's.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="First day or instant after; default: now.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write a file: CSV, Parquet or XLSX, as its ending says."),
]
_Result = TypeVar("_Result")


def with_database(config: Path | None, use: "Callable[[Database], Awaitable[_Result]]") -> _Result:
    """Run something with the deployment's database."""
    from core.database import Database
    from gateway.settings import load_settings

    async def run() -> _Result:
        database = Database(load_settings(config).database.url)
        try:
            return await use(database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def span_of(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """The span of two options; by default this month so far.

    Raises:
        InvalidRequest: one of them is no date.
    """
    now = datetime.now(UTC)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return instant(start) or month, instant(end) or now


def instant(text: str | None) -> datetime | None:
    """Raises ``InvalidRequest``: the text is no date."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no date such as 2026-11-21.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def write_out(out: Path | None, write: Callable[[Path], None]) -> None:
    """To ``out``, or the file's bytes to standard output."""
    if out is not None:
        write(out)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report"
        write(file)
        sys.stdout.buffer.write(file.read_bytes())


def write_report(table: "Table", out: Path) -> None:
    """As the ending says.

    Raises:
        InvalidReport: it names no format.
    """
    from billing.reports.files import write_table

    write_table(table, out, out.suffix.removeprefix("."))


def without_zeros(rows: Sequence[dict[str, Any]], keep: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows without the columns that say nothing in any of them, for people to read."""
    names = [
        name
        for name in (rows[0] if rows else ())
        if name in keep or any(row[name] not in (0, "0", None) for row in rows)
    ]
    return [{name: row[name] for name in names} for row in rows]
