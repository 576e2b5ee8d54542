"""Everything that a deployment keeps or says, as bytes to be scanned for canaries."""

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pyarrow.parquet
from typer.testing import CliRunner

from gateway.cli.main import app
from support.deployment import Deployment

_AUDIT_FORMATS = ("jsonl", "csv", "parquet")
_BILL_FORMATS = ("csv", "parquet", "xlsx", "pdf", "focus", "focus-parquet")


def files_under(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every file: database, journal with old segments, logs, keys, what was left over."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def tables(database_url: str) -> list[tuple[str, bytes]]:
    """Every row of every table of a PostgreSQL database; of SQLite the file says it all."""
    if not database_url.startswith("postgresql"):
        return []
    return asyncio.run(_tables(database_url.replace("+asyncpg", "")))


async def _tables(url: str) -> list[tuple[str, bytes]]:
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        found = []
        for (name,) in names:
            rows = io.BytesIO()
            # Binary: bytes stand there as they are, not as hexadecimal digits.
            await connection.copy_from_table(name, output=rows, format="binary")
            found.append((f"table {name}", rows.getvalue()))
        return found
    finally:
        await connection.close()


def exports(deployment: Deployment, tenant: str, directory: Path) -> Iterator[tuple[str, bytes]]:
    """What the commands print and write of a tenant, in every format."""
    month = datetime.now(UTC).strftime("%Y-%m")
    for name in _AUDIT_FORMATS:
        file = directory / f"{tenant}.audit.{name}"
        _command(deployment, "audit", "export", "--tenant", tenant, "--format", name, "--out", file)
        yield f"audit export {name}", _plain(file)
    for name in _BILL_FORMATS:
        file = directory / f"{tenant}.bill.{name}"
        _command(
            deployment,
            *("report", "billing", "--tenant", tenant, "--month", month),
            *("--format", name, "--out", file),
        )
        yield f"report billing {name}", _plain(file)
    bill = ("report", "billing", "--tenant", tenant, "--month", month, "--format", "json")
    yield "report billing json", _command(deployment, *bill)
    yield "report usage", _command(deployment, "report", "usage", "--tenant", tenant, "--json")
    yield "billing check", _command(deployment, "billing", "check", "--json")
    yield "audit verify", _command(deployment, "audit", "verify", "--json")


def _plain(file: Path) -> bytes:
    """A file's bytes; the values of a Parquet file, whose pages are compressed, behind them."""
    content = file.read_bytes()
    if content.startswith(b"PAR1"):
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        content += repr(table.to_pydict()).encode()
    return content


def _command(deployment: Deployment, *arguments: "str | Path") -> bytes:
    texts = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, [*texts, "--config", str(deployment.config)])
    assert result.exit_code == 0, (texts, result.output, result.exception)
    return result.output.encode()
