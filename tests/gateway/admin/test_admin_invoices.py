"""Profiles, drafts, invoices, credit notes and their files over the admin API."""

import csv
from io import BytesIO, StringIO

import httpx
import pytest
from pypdf import PdfReader

from core.clock import ManualClock
from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import Login, World, code

PROFILE = {
    "legal_name": "Acme Logistics Ltd",
    "address": "1 High Street\nLondon",
    "tax_label": "VAT",
    "tax_percent": "20",
    "payment_days": 14,
    "cost_centres": {"*": "CC-1"},
}


async def test_a_profile_is_kept_and_read(sign_in: Login) -> None:
    client = await sign_in("finance")
    url = "/tenants/acme/billing-profile"
    kept = (await client.put(url, json=PROFILE)).json()
    assert kept == {**PROFILE, "tax_id": None, "email": None, "currency": "USD"}
    assert (await client.get(url)).json() == kept
    for change in (
        {"tax_percent": "101"},
        {"tax_label": None},
        {"currency": "euro"},
        {"payment_days": 366},
        {"cost_centres": {"*": ""}},
        {"legal_name": " "},
    ):
        answer = await client.put(url, json=PROFILE | change)
        assert answer.status_code == 422
        assert code(answer) in ("invalid_request", "invalid_billing_profile")
    assert (await client.get(url)).json() == kept


async def test_a_tenants_own_people_read_invoices_but_do_not_issue_them(
    sign_in: Login, world: World
) -> None:
    client = await sign_in("finance@acme")
    url = f"/tenants/acme/invoices/{world.acme.invoice_id}"
    assert (await client.get(url)).status_code == 200
    assert (await client.get(f"{url}/download")).status_code == 200
    for call, body in (
        ("/tenants/acme/invoices", {"month": "2026-10"}),
        (f"{url}/finalise", {}),
        (f"{url}/credit-notes", {"reason": "it was dear"}),
    ):
        answer = await client.post(call, json=body)
        assert (answer.status_code, code(answer)) == (403, "forbidden")
    answer = await client.put("/tenants/acme/billing-profile", json=PROFILE)
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_from_draft_to_credit_note(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("finance")
    await client.put("/tenants/acme/billing-profile", json=PROFILE)
    draft = (await client.post("/tenants/acme/invoices", json={"month": "2026-10"})).json()
    assert (draft["id"], draft["status"]) == (world.acme.invoice_id, "draft")
    # 12.345 -> 12.35 (half up), 20 % of it is 2.47
    assert (draft["net"], draft["tax"], draft["total"]) == ("12.35", "2.47", "14.82")
    url = f"/tenants/acme/invoices/{draft['id']}"
    answer = await client.post(f"{url}/finalise", json={"expected_total": "14.81"})
    assert (answer.status_code, code(answer)) == (409, "invoice_changed")
    answer = await client.post(f"{url}/finalise", json={"expected_total": "14.82"})
    final = answer.json()
    assert (final["number"], final["status"]) == ("INV-2026-000001", "final")
    assert final["due_at"] == "2026-12-05T12:00:00.000000Z"
    assert final["cost_centres"] == [
        {"cost_centre": "CC-1", "project_id": None, "project": None, "amount": "12.345"}
    ]
    answer = await client.post(f"{url}/finalise", json={})
    assert (answer.status_code, code(answer)) == (409, "invoice_final")
    answer = await client.post(f"{url}/credit-notes", json={"reason": "outage", "amount": "2.35"})
    note = answer.json()
    assert (answer.status_code, note["number"]) == (201, "CN-2026-000001")
    assert (note["total"], note["credits_number"]) == ("-2.82", "INV-2026-000001")
    for amount, status, expected in (
        ("10.01", 409, "credit_too_large"),
        ("0.001", 422, "invalid_invoice"),
        ("-1", 422, "invalid_invoice"),
    ):
        answer = await client.post(f"{url}/credit-notes", json={"reason": "x", "amount": amount})
        assert (answer.status_code, code(answer)) == (status, expected)
    by_number = (await client.get("/tenants/acme/invoices/INV-2026-000001")).json()
    assert by_number["credit_notes"] == ["CN-2026-000001"]
    assert by_number["digest"] == final["digest"]
    items = (await client.get("/tenants/acme/invoices")).json()["items"]
    assert sorted(item["number"] for item in items) == ["CN-2026-000001", "INV-2026-000001"]
    actions = await _actions(services)
    assert actions == ["billing_profile.put", "invoice.draft", "invoice.finalise", "invoice.credit"]


async def _actions(services: AdminServices) -> list[str]:
    import json

    from sqlalchemy import select

    async with services.database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == "acme")
        bodies = map(json.loads, await session.scalars(query.order_by(AuditRecord.seq)))
        return [body["action"] for body in bodies]


async def _download(client: httpx.AsyncClient, world: World, **query: str) -> httpx.Response:
    url = f"/tenants/acme/invoices/{world.acme.invoice_id}/download"
    answer = await client.get(url, params=query)
    assert answer.status_code == 200, answer.text
    return answer


async def test_files_are_downloaded_and_that_is_recorded(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("auditor")
    pdf = await _download(client, world)
    assert pdf.headers["content-type"] == "application/pdf"
    assert 'filename="DRAFT-acme-2026-10.pdf"' in pdf.headers["content-disposition"]
    text = PdfReader(BytesIO(pdf.content)).pages[0].extract_text()
    assert "DRAFT INVOICE" in text
    assert "acme Ltd" in text
    table = await _download(client, world, format="csv")
    (row,) = csv.DictReader(StringIO(table.text))
    assert (row["amount"], row["description"]) == ("12.345", "Adjustment: agreed")
    shares = await _download(client, world, format="csv", table="cost-centres")
    (row,) = csv.DictReader(StringIO(shares.text))
    assert row["amount"] == "12.345"
    for file_format, start in (("xlsx", b"PK"), ("parquet", b"PAR1"), ("json", b"{")):
        assert (await _download(client, world, format=file_format)).content.startswith(start)
    assert await _actions(services) == ["invoice.download"] * 6


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "last"])
async def test_a_month_that_is_none(month: str, sign_in: Login, world: World) -> None:
    client = await sign_in("finance")
    answer = await client.post("/tenants/acme/invoices", json={"month": month})
    assert (answer.status_code, code(answer)) == (422, "invalid_request")


async def test_what_cannot_be_drafted_or_issued(
    sign_in: Login, world: World, clock: ManualClock
) -> None:
    client = await sign_in("finance")
    answer = await client.post("/tenants/acme/invoices", json={"month": "2026-09"})
    assert (answer.status_code, code(answer)) == (409, "nothing_to_invoice")
    answer = await client.get("/tenants/acme/invoices/INV-2026-000009")
    assert (answer.status_code, code(answer)) == (404, "unknown_invoice")
    url = f"/tenants/acme/invoices/{world.acme.invoice_id}"
    answer = await client.post(f"{url}/credit-notes", json={"reason": "of a draft"})
    assert (answer.status_code, code(answer)) == (422, "invalid_invoice")
