"""The audit page: filters, one record and its proof, verifying, and exporting what is shown."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from playwright.sync_api import expect

from gateway.audit.verify import verify_file
from support.console import NARROW, Console

SDK = Callable[[str], OpenAI]


@pytest.fixture
def traffic(admin: httpx.Client, tenant: str, sdk: SDK) -> str:
    """A tenant with two requests, one with personal data, and what made its key."""
    key = admin.post(f"/tenants/{tenant}/keys", json={"name": "app"}).raise_for_status().json()
    reason = {"x-sovgate-reason": "for the audit"}
    admin.post(f"/tenants/{tenant}/projects", json={"name": "support"}, headers=reason)
    for text in ("Hello", "I am greta@example.com"):
        sdk(key["api_key"]).chat.completions.create(
            model="sov-flash", messages=[{"role": "user", "content": text}]
        )
    return tenant


def _records(console: Console, tenant: str, count: int) -> None:
    """Open the page when the drain has written so many records."""
    rows = console.page.get_by_role("button", name="Details of record")
    console.open(f"tenants/{tenant}/audit")
    for _ in range(150):
        if rows.count() >= count:
            break
        console.page.wait_for_timeout(200)
        console.press("Refresh")
        expect(console.page.get_by_role("button", name="Refresh")).to_be_enabled()
    expect(rows).to_have_count(count)


def test_records_are_filtered(console: Console, traffic: str) -> None:
    _records(console, traffic, 5)
    page = console.page
    rows = page.get_by_role("button", name="Details of record")
    page.get_by_label("Kind").select_option("Requests")
    console.press("Apply")
    expect(rows).to_have_count(2)
    page.get_by_text("More filters").click()
    page.get_by_label("Action").fill("mask")
    console.press("Apply")
    expect(rows).to_have_count(1)
    expect(console.row("Email address").first).to_be_visible()
    page.get_by_label("Zone").fill("mars")
    console.press("Apply")
    expect(page.get_by_text("No such records")).to_be_visible()
    expect(page.get_by_text("More filters (2)")).to_be_visible()
    console.press("Clear")
    expect(rows).to_have_count(5)
    page.get_by_label("Only some days").check()
    page.get_by_label("Range").select_option("Last month")
    console.press("Apply")
    expect(page.get_by_text("No such records")).to_be_visible()


def test_a_record_shows_what_happened_and_proves_itself(
    console: Console, traffic: str, admin: httpx.Client, tmp_path: Path
) -> None:
    _records(console, traffic, 5)
    page = console.page
    console.row("for the audit")  # the reason stands in the details only
    page.get_by_role("button", name="Details of record 3", exact=True).click()
    dialog = console.dialog
    expect(dialog.get_by_text("project.create", exact=True)).to_be_visible()
    expect(dialog.get_by_text("for the audit").first).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Details of record 5", exact=True).click()
    expect(dialog.get_by_role("heading", name="Where the time went")).to_be_visible()
    expect(dialog.get_by_text("Upstream", exact=True).first).to_be_visible()
    expect(dialog.get_by_text("Hash", exact=True)).to_be_visible()
    link = dialog.get_by_role("link", name="Download proof")
    for _ in range(100):  # until the next checkpoint
        if link.count():
            break
        dialog.get_by_role("button", name="Close").click()
        page.wait_for_timeout(500)
        page.reload()
        page.get_by_role("button", name="Details of record 5", exact=True).click()
        expect(dialog.get_by_text("Signed by")).to_be_visible()
    with page.expect_download() as download:
        link.click()
    file = tmp_path / "proof.json"
    download.value.save_as(file)
    assert download.value.suggested_filename == f"{traffic}-5-proof.json"
    assert verify_file(file).ok
    assert json.loads(file.read_bytes())["record"]["seq"] == 5


def test_a_request_shows_where_it_went_and_what_it_cost(console: Console, traffic: str) -> None:
    _records(console, traffic, 5)
    console.page.get_by_role("button", name="Details of record 4", exact=True).click()
    dialog = console.dialog
    expect(
        dialog.get_by_text(
            "Asked for sov-flash: the client named the deployment; answered by capture"
        )
    ).to_be_visible()
    steps = dialog.get_by_role("region", name="Where the time went")
    expect(steps.get_by_text("Inspect input")).to_be_visible()
    entries = dialog.get_by_role("group", name="Ledger entries")
    expect(entries.get_by_text("Settle", exact=True)).to_be_visible()
    expect(entries.get_by_text("revenue to unbilled")).to_be_visible()


def test_a_chain_is_verified_on_request(console: Console, traffic: str) -> None:
    _records(console, traffic, 5)
    panel = console.page.get_by_role("region", name="Integrity")
    expect(panel.get_by_text("Never")).to_be_visible()
    console.press("Verify now")
    expect(panel.get_by_text("Verified", exact=True)).to_be_visible()
    expect(panel.get_by_text("on request")).to_be_visible()


def test_what_is_shown_is_exported(console: Console, traffic: str, admin: httpx.Client) -> None:
    _records(console, traffic, 5)
    page = console.page
    page.get_by_label("Kind").select_option("Administration")
    console.press("Apply")
    console.press("Export")
    expect(console.dialog.get_by_text("does not prove that none is missing")).to_be_visible()
    console.press("Start export")
    expect(console.dialog).to_have_count(0)
    (export,) = admin.get(f"/tenants/{traffic}/exports").json()["items"]
    assert (export["kind"], export["filter"]["kind"]) == ("audit", "admin")


def test_the_page_on_a_narrow_screen(
    open_console: Callable[..., Console], owner_token: str, traffic: str
) -> None:
    from gateway.admin.access import COOKIE

    console = open_console(NARROW, "dark")
    console.use_session(COOKIE, owner_token)
    _records(console, traffic, 5)
    page = console.page
    page.get_by_text("More filters").click()
    page.get_by_role("button", name="Details of record 5", exact=True).click()
    expect(console.dialog.get_by_text("Where the time went")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
