"""``sovgate report billing --format focus``: FOCUS files of a month."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage
from billing.focus.checker import check_file
from core.clock import ManualClock
from core.database import Database
from gateway.cli import app
from gateway.tenants.models import Project, Tenant

AT = datetime(2026, 11, 3, 10, tzinfo=UTC)
BOOK = PriceBook.from_settings(
    [{"model": "flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}]
)


async def _fill(database_url: str) -> None:
    database = Database(database_url)
    usage = Usage(input_tokens=1000, output_tokens=500)
    reservation = Reservation(
        request_id="req_1",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(0),
        at=AT,
    )
    settlement = Settlement.settle(
        reservation, usage=usage, breakdown=BOOK.price("flash", AT, usage), model="flash"
    )
    async with database.transaction() as session:
        session.add(
            Tenant(
                name="acme",
                display_name="ACME",
                status="active",
                policy="default",
                limits={},
                created_at=AT,
            )
        )
        await session.flush()
        session.add(Project(id="prj_1", tenant="acme", name="Support", created_at=AT))
        await LedgerSink(ManualClock(AT)).apply(session, [settlement.to_json()])
    await database.dispose()


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    asyncio.run(_fill(database_url))
    path = tmp_path / "sovgate.yaml"
    content = {
        "database": {"url": database_url},
        "data_dir": str(tmp_path),
        "invoicing": {"seller": {"name": "Example Operator", "address": "1 Street"}},
    }
    path.write_text(json.dumps(content))
    return path


def report(config: Path, *arguments: str) -> Result:
    command = ["report", "billing", "--tenant", "acme", "--month", "2026-11", *arguments]
    return CliRunner().invoke(app, [*command, "--config", str(config)], catch_exceptions=False)


def test_csv_on_standard_output(config: Path, tmp_path: Path) -> None:
    result = report(config, "--format", "focus")
    assert result.exit_code == 0
    file = tmp_path / "focus.csv"
    file.write_bytes(result.stdout_bytes)
    # 1,000 input tokens at 0.15 and 500 output tokens at 0.60 a million.
    assert check_file(file, {"open-acme-2026-11": Decimal("0.00045")}) == []
    assert "Support" in result.stdout
    assert "Example Operator" in result.stdout


def test_parquet_into_a_file(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "focus.parquet"
    assert report(config, "--format", "focus-parquet", "--out", str(file)).exit_code == 0
    table = pq.read_table(file)
    assert sum(table["BilledCost"].to_pylist()) == Decimal("0.00045")
    assert table["SkuMeter"].to_pylist() == ["input_uncached", "output_visible"]
