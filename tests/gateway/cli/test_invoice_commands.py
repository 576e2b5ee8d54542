"""``sovgate invoice`` and ``billing profile``: from a profile to a credit note, and files."""

import asyncio
import csv
import json
import shlex
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from typer.testing import CliRunner

from billing.ledger.adjust import adjust
from core.clock import ManualClock
from core.database import Database
from core.errors import SovgateError
from gateway.audit.models import AuditRecord
from gateway.cli import app

NOW = datetime.now(UTC)
THIS_MONTH = f"{NOW:%Y-%m}"
LAST = NOW.replace(day=1) - timedelta(days=1)
LAST_MONTH = f"{LAST:%Y-%m}"
SELLER = {"name": "Sovereign AI GmbH", "address": "Hafenstrasse 1\nHamburg"}


class Sovgate:
    """Runs commands against one deployment."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.database_url = database_url
        self.config = directory / "sovgate.yaml"
        content = {
            "database": {"url": database_url},
            "data_dir": str(directory / "data"),
            "invoicing": {"seller": SELLER, "series": "ACME"},
            "price_book": {
                "exchange_rates": [
                    {
                        "currency": "USD",
                        "quote": "EUR",
                        "rate": "0.9",
                        "effective_from": "2020-01-01",
                    }
                ]
            },
        }
        self.config.write_text(json.dumps(content))

    def run(self, command: str, status: int = 0) -> Any:
        arguments = [*shlex.split(command), "--config", str(self.config)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == status, (result.output, result.exception)
        return result

    def __call__(self, command: str) -> Any:
        return json.loads(self.run(f"{command} --json").stdout)

    def adjust(self, amount: str, at: datetime) -> None:
        async def enter() -> None:
            database = Database(self.database_url)
            try:
                async with database.transaction() as session:
                    await adjust(
                        session,
                        ManualClock(NOW),
                        tenant="acme",
                        amount=amount,
                        reason="agreed",
                        author="cli",
                        at=at,
                    )
            finally:
                await database.dispose()

        asyncio.run(enter())

    def audited(self) -> list[str]:
        async def read() -> list[str]:
            database = Database(self.database_url)
            try:
                async with database.session() as session:
                    query = select(AuditRecord.body).where(AuditRecord.tenant == "acme")
                    bodies = map(json.loads, await session.scalars(query))
                    return [str(body.get("action")) for body in bodies]
            finally:
                await database.dispose()

        return asyncio.run(read())


@pytest.fixture
def sovgate(tmp_path: Path, database_url: str) -> Sovgate:
    sovgate = Sovgate(tmp_path, database_url)
    sovgate.run("tenant create acme")
    return sovgate


def test_a_profile_is_set_and_changed_in_parts(sovgate: Sovgate) -> None:
    refused = sovgate.run("billing profile show --tenant acme", status=1)
    assert "[unknown_billing_profile]" in refused.output
    setting = "billing profile set --tenant acme"
    refused = sovgate.run(f"{setting} --email a@b.example", status=1)
    assert "--legal-name" in refused.output
    sovgate(
        f"{setting} --legal-name Acme --address '1 Road\\nRome' --currency EUR --tax-label VAT "
        "--tax-percent 20 --cost-centre *=CC-1"
    )
    profile = sovgate(f"{setting} --payment-days 14")
    assert profile == {
        "legal_name": "Acme",
        "address": "1 Road\nRome",
        "tax_id": None,
        "email": None,
        "currency": "EUR",
        "tax_label": "VAT",
        "tax_percent": "20",
        "payment_days": 14,
        "cost_centres": {"*": "CC-1"},
    }
    assert "CC-1" in sovgate.run("billing profile show --tenant acme").stdout
    for wrong in (
        "--currency euro",
        "--tax-percent 101",
        "--payment-days -1",
        "--cost-centre CC-1",
    ):
        sovgate.run(f"{setting} {wrong}", status=1)
    missing = sovgate.run("billing profile set --tenant nobody --address a", status=1)
    assert "[not_found]" in missing.output


def test_from_draft_to_credit_note(sovgate: Sovgate, tmp_path: Path) -> None:
    sovgate(
        "billing profile set --tenant acme --legal-name Acme --address Rome --currency EUR "
        "--tax-label VAT --tax-percent 20"
    )
    sovgate.adjust("12.345", LAST)
    # 12.345 * 0.9 = 11.1105 -> 11.11; 20 % of it is 2.222 -> 2.22
    draft = sovgate(f"invoice draft --tenant acme --month {LAST_MONTH}")
    assert (draft["status"], draft["total"]) == ("draft", "13.33")
    finalise = f"invoice finalise --tenant acme --month {LAST_MONTH}"
    assert "[invoice_changed]" in sovgate.run(f"{finalise} --expect 13.30", status=1).output
    final = sovgate(f"{finalise} --expect 13.33")
    number, year = final["number"], final["number"][5:9]
    assert year in {f"{NOW:%Y}", f"{NOW.year + 1}"}  # of the minute, not of the import above
    assert (number, final["status"]) == (f"ACME-{year}-000001", "final")
    assert final["seller"]["name"] == "Sovereign AI GmbH"
    note = sovgate(f"invoice credit {number} --tenant acme --reason outage --amount 1.11")
    # 20 % of 1.11 is 0.222 -> 0.22
    assert (note["number"], note["total"]) == (f"CN-{year}-000001", "-1.33")
    rows = sovgate("invoice list --tenant acme")
    assert sorted((row["kind"], row["total"]) for row in rows) == [
        ("credit_note", "-1.33"),
        ("invoice", "13.33"),
    ]
    shown = sovgate.run(f"invoice show {number} --tenant acme").stdout
    assert "Adjustment: agreed" in shown
    assert "total: 13.33" in shown
    assert sovgate("billing check")["ok"]
    assert sovgate.audited()[-4:] == [
        "billing_profile.put",
        "invoice.draft",
        "invoice.finalise",
        "invoice.credit",
    ]
    file = tmp_path / "invoice.xlsx"
    sovgate.run(f"invoice export {number} --tenant acme --format xlsx --out {file}")
    assert file.read_bytes()[:2] == b"PK"
    export = f"invoice export {number} --tenant acme --format csv --table cost-centres"
    rows = list(csv.DictReader(StringIO(sovgate.run(export).stdout)))
    assert [row["amount"] for row in rows] == ["12.345"]


def test_a_statement_of_a_month_stores_nothing(sovgate: Sovgate) -> None:
    sovgate.adjust("3.5", NOW)
    command = f"report billing --tenant acme --month {THIS_MONTH} --format pdf"
    pdf = PdfReader(BytesIO(sovgate.run(command).stdout_bytes))
    assert "DRAFT INVOICE" in pdf.pages[0].extract_text()
    assert sovgate("invoice list --tenant acme") == []


def test_what_is_refused(sovgate: Sovgate) -> None:
    for command, code in (
        ("show INV-2026-000009", "unknown_invoice"),
        ("show --month 2026-01", "unknown_invoice"),
        ("show", "invalid_request"),
        ("draft --month 2026-13", "invalid_report"),
        ("draft --month 2020-01", "nothing_to_invoice"),
    ):
        result = sovgate.run(f"invoice {command} --tenant acme", status=1)
        assert f"[{code}]" in result.output


def test_a_statement_of_an_empty_month_is_refused(sovgate: Sovgate) -> None:
    command = "report billing --tenant acme --month 2020-01 --format pdf"
    error = sovgate.run(command, status=1).exception
    assert isinstance(error, SovgateError)
    assert error.code == "nothing_to_invoice"
