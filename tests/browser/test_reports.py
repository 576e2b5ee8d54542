"""Traffic seen again: overview, usage, audit trail, and the exported files."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import openpyxl
import pytest
from openai import OpenAI
from playwright.sync_api import Download, Locator, expect

from gateway.audit.verify import verify_file
from support.console import Console

LETTER = "My name is Greta Vogel, write to greta.vogel@example.com about the parcel."
REQUESTS = 3


@pytest.fixture
def busy(console: Console, tenant: str, sdk: Callable[[str], OpenAI]) -> str:
    """A tenant with three requests that held personal data."""
    client = sdk(console.new_key(tenant, "app"))
    for _ in range(REQUESTS):
        client.chat.completions.create(
            model="flash", messages=[{"role": "user", "content": LETTER}]
        )
    return tenant


def test_usage_shows_what_the_ledger_has(console: Console, busy: str, admin: httpx.Client) -> None:
    console.visit(f"tenants/{busy}/usage")
    totals = _settled(console, admin, busy)
    figures = console.page.get_by_role("table", name="Usage by day")
    expect(figures.get_by_role("row").last).to_contain_text(f"${totals['cost_usd']}")
    expect(figures.get_by_role("row").last).to_contain_text(str(totals["output_tokens"]))
    console.page.get_by_label("Group by").select_option("tier")
    expect(console.row("flash").first).to_contain_text(f"${totals['cost_usd']}")
    expect(console.page.get_by_role("img", name="Bars of cost by tier")).to_be_visible()


def test_the_audit_trail_shows_verdicts_route_and_chain(
    console: Console, busy: str, admin: httpx.Client
) -> None:
    console.visit(f"tenants/{busy}/audit")
    _settled(console, admin, busy)
    record = console.row("Completed").first
    expect(record).to_contain_text("Person ×1")
    expect(record).to_contain_text("Email address ×1")
    expect(record).to_contain_text("flash")
    expect(record).to_contain_text("capture · onprem")
    record.get_by_role("button").click()
    console.dialog.get_by_text("The record as it was hashed").click()
    expect(console.dialog).to_contain_text('"outcome": "completed"')
    expect(console.dialog).not_to_contain_text("Greta")
    expect(console.dialog).not_to_contain_text("Vogel")


def test_the_overview_counts_the_traffic(console: Console, busy: str, admin: httpx.Client) -> None:
    _settled(console, admin, busy)
    window = admin.get("/overview").json()["last_24h"]
    console.visit()
    expect(_stat(console, "Requests")).to_contain_text(f"{window['requests']:,}")
    expect(_stat(console, "Cost")).to_contain_text(f"${window['cost_usd']}")
    expect(_stat(console, "Masked")).to_contain_text(f"{window['masked']:,}")
    assert window["masked"] >= REQUESTS


def test_an_audit_export_is_downloaded_and_verifies(
    console: Console, busy: str, admin: httpx.Client, tmp_path: Path
) -> None:
    _settled(console, admin, busy)
    download = _export(console, busy, "audit", "jsonl")
    file = tmp_path / download.suggested_filename
    download.save_as(file)
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert sum(record["kind"] == "request" for record in records) == REQUESTS
    assert {record["tenant"] for record in records} == {busy}
    assert verify_file(file).ok
    file.write_text(file.read_text().replace('"completed"', '"declined_"', 1))
    assert not verify_file(file).ok


def test_a_billing_export_opens_as_a_spreadsheet(
    console: Console, busy: str, admin: httpx.Client, tmp_path: Path
) -> None:
    _settled(console, admin, busy)
    download = _export(console, busy, "billing", "xlsx")
    file = tmp_path / "billing.xlsx"
    download.save_as(file)
    with closing(openpyxl.load_workbook(file, read_only=True)) as book:
        assert len(list(book.worksheets[0].iter_rows(values_only=True))) > 1


def _settled(console: Console, admin: httpx.Client, tenant: str) -> dict[str, object]:
    """Waits until the drain has stored all requests; the ledger's totals."""
    for _ in range(100):
        totals = admin.get(f"/tenants/{tenant}/usage").raise_for_status().json()["total"]
        if totals["requests"] == REQUESTS:
            console.page.reload()
            return totals
        console.page.wait_for_timeout(100)
    pytest.fail("After 10 s the ledger does not know of all requests.")


def _stat(console: Console, label: str) -> Locator:
    return console.page.locator("dl > div").filter(has=console.page.get_by_text(label, exact=True))


def _export(console: Console, tenant: str, kind: str, format_: str) -> Download:
    console.visit(f"tenants/{tenant}/exports")
    console.page.get_by_label("Report").select_option(kind)
    console.page.get_by_label("Format").select_option(format_)
    console.press("Start export")
    link = console.page.get_by_role("link", name="Download the")
    expect(link).to_be_visible(timeout=20_000)
    with console.page.expect_download() as download:
        link.click()
    return download.value
