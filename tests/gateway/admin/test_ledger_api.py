"""The ledger in the admin API: entries, corrections, re-rating, savings and reconciliation."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from billing import JobService, LedgerSink, PriceBook, Reservation, Settlement, Usage
from billing.jobs.execution import run_job
from billing.ledger.entries import KINDS
from gateway.admin import AdminServices
from gateway.admin.ledger.schemas import EntryKind
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import OF_THE_FILE, Login, World, code

# The tenants' own price is 0.10 in the book (see conftest), so re-rating takes a third off.
_OLD = PriceBook.from_settings([OF_THE_FILE])
SPAN = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
BODY = {"start": SPAN["from"], "end": SPAN["to"]}


@pytest.fixture
async def settled(services: AdminServices, world: World) -> None:
    """Three requests of a million input tokens at 0.15, an hour apart; one of globex."""
    names = [("acme", "req_1"), ("acme", "req_2"), ("acme", "req_3"), ("globex", "req_4")]
    settlements = []
    for number, (tenant, name) in enumerate(names, start=1):
        estate = world.acme if tenant == "acme" else world.globex
        reservation = Reservation(
            request_id=name,
            tenant=tenant,
            project_id=estate.project_id,
            key_id=estate.key_id,
            amount=Decimal(0),
            at=services.clock.now() - timedelta(hours=number),
        )
        usage = Usage(input_tokens=10**6)
        breakdown = _OLD.price("sov-flash", reservation.at, usage)
        settlements.append(
            Settlement.settle(
                reservation,
                usage=usage,
                breakdown=breakdown,
                model="sov-flash",
                upstream="pool",
                zone="onprem",
                trend="chat",
                tier="flash",
            )
        )
    async with services.database.transaction() as session:
        await LedgerSink(services.clock).apply(session, [one.to_json() for one in settlements])


async def _actions(services: AdminServices, tenant: str) -> list[dict[str, Any]]:
    async with services.database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == tenant)
        bodies = [json.loads(body) for body in await session.scalars(query)]
    return [body for body in bodies if body.get("action", "").startswith("ledger.")]


def test_every_kind_of_entry_is_in_the_description() -> None:
    assert {kind.value for kind in EntryKind} == set(KINDS)


@pytest.mark.usefixtures("settled")
async def test_entries_come_in_pages_and_filtered(sign_in: Login) -> None:
    client = await sign_in("auditor@acme")
    query: dict[str, Any] = {"limit": 2, "from": SPAN["from"]}
    first = (await client.get("/tenants/acme/ledger/entries", params=query)).json()
    assert [item["request_id"] for item in first["items"]] == ["req_1", "req_2"]
    assert first["items"][0]["amount"] == "0.15"
    query["before"] = first["next_before"]
    last = (await client.get("/tenants/acme/ledger/entries", params=query)).json()
    assert [item["request_id"] for item in last["items"]] == ["req_3"]
    assert last["next_before"] is None
    for query, count in (
        ({"kind": "settle"}, 3),
        ({"kind": "adjustment", "from": SPAN["from"]}, 0),
        ({"request_id": "req_2"}, 1),
        ({"request_id": "req_4"}, 0),
        ({"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T11:00:00Z"}, 1),
    ):
        answer = await client.get("/tenants/acme/ledger/entries", params=query)
        assert (query, len(answer.json()["items"])) == (query, count)
    other = (await (await sign_in("owner")).get("/tenants/globex/ledger/entries")).json()
    strange = {"before": other["items"][0]["id"]}
    assert (await client.get("/tenants/acme/ledger/entries", params=strange)).status_code == 422


@pytest.mark.usefixtures("settled")
async def test_a_correction_is_an_entry_with_a_reason_and_a_record(
    sign_in: Login, services: AdminServices, world: World
) -> None:
    client = await sign_in("finance")
    body = {"amount_usd": "-0.05", "reason": "wrong price", "request_id": "req_1"}
    answer = await client.post("/tenants/acme/ledger/adjustments", json=body)
    assert answer.status_code == 201
    entry = answer.json()
    assert (entry["kind"], entry["amount"], entry["reference"]) == ("adjustment", "-0.05", "req_1")
    assert (entry["reason"], entry["author"]) == ("wrong price", world.users["finance"])
    query = {"request_id": "req_1"}
    found = (await client.get("/tenants/acme/ledger/entries", params=query)).json()["items"]
    assert [item["kind"] for item in found] == ["adjustment", "settle"]
    (record,) = await _actions(services, "acme")
    assert (record["action"], record["target"]) == ("ledger.adjust", entry["request_id"])
    budgets = (await client.get("/tenants/acme/budgets")).json()["items"]
    assert {budget["spent_usd"] for budget in budgets} == {"0.4"}


@pytest.mark.usefixtures("settled")
async def test_a_correction_that_cannot_be(sign_in: Login) -> None:
    client = await sign_in("finance")
    good = {"amount_usd": "1", "reason": "because"}
    for change, expected in (
        ({"request_id": "req_4"}, "invalid_settlement"),
        ({"at": "2030-01-01T00:00:00Z"}, "invalid_settlement"),
        ({"amount_usd": "1e3"}, "invalid_request"),
        ({"reason": ""}, "invalid_request"),
    ):
        answer = await client.post("/tenants/acme/ledger/adjustments", json=good | change)
        assert (change, answer.status_code, code(answer)) == (change, 422, expected)
    for account in ("admin", "owner@acme", "finance@acme", "viewer"):
        answer = await (await sign_in(account)).post("/tenants/acme/ledger/adjustments", json=good)
        assert (account, answer.status_code) == (account, 403)


@pytest.mark.usefixtures("settled")
async def test_re_rating_is_a_job_that_says_what_it_did(
    sign_in: Login, jobs: JobService, services: AdminServices, world: World
) -> None:
    """Three times 0.10 instead of 0.15."""
    client = await sign_in("finance")
    results = []
    for more in ({}, {"dry_run": False}, {"dry_run": False, "model": "sov-flash"}):
        answer = await client.post("/tenants/acme/ledger/rerate", json=BODY | more)
        assert answer.status_code == 202
        await run_job(jobs.settings, jobs.tasks, answer.json()["id"], "test")
        job = (await client.get(f"/tenants/acme/jobs/{answer.json()['id']}")).json()
        assert (job["status"], job["error"]) == ("done", None)
        results.append(job["result"])
    dry, wet, again = results
    assert (dry["dry_run"], dry["entries"], dry["difference"]) == (True, 0, "-0.15")
    assert (wet["dry_run"], wet["entries"], wet["lines"]) == (False, 3, dry["lines"])
    assert (again["examined"], again["entries"]) == (3, 0)
    entries = (await client.get("/tenants/acme/ledger/entries", params=SPAN)).json()["items"]
    authors = {item["author"] for item in entries if item["kind"] == "adjustment"}
    assert authors == {world.users["finance"]}
    assert [record["action"] for record in await _actions(services, "acme")] == [
        "ledger.rerate"
    ] * 3
    assert (await client.get("/tenants/acme/ledger/check", params=SPAN)).json()["ok"]
    backwards = {"start": BODY["end"], "end": BODY["start"]}
    answer = await client.post("/tenants/acme/ledger/rerate", json=backwards)
    assert (answer.status_code, code(answer)) == (422, "invalid_value")


@pytest.mark.usefixtures("settled")
async def test_the_check_names_what_differs(sign_in: Login, services: AdminServices) -> None:
    """Unbilled are October's 12.345 (see conftest) and 0.45, and not 9."""
    client = await sign_in("auditor@acme")
    check = (await client.get("/tenants/acme/ledger/check", params=SPAN)).json()
    assert check["ok"]
    assert {proof["what"] for proof in check["proofs"]} >= {"revenue, USD", "unbilled, USD", "cost"}
    async with services.database.transaction() as session:
        damage = "UPDATE ledger_balances SET balance = '9' WHERE account = 'unbilled'"
        await session.execute(text(damage))
    check = (await client.get("/tenants/acme/ledger/check", params=SPAN)).json()
    wrong = [
        (proof["what"], proof["difference"]) for proof in check["proofs"] if not proof["equal"]
    ]
    assert (check["ok"], wrong) == (False, [("unbilled, USD", "3.795")])


@pytest.mark.usefixtures("settled")
async def test_savings_against_a_model_of_the_book(sign_in: Login) -> None:
    client = await sign_in("viewer@acme")
    query = {"baseline": "sov-flash", **SPAN}
    savings = (await client.get("/tenants/acme/savings", params=query)).json()
    (row,) = savings["rows"]
    assert (row["trend"], row["requests"], row["cost"], row["baseline"]) == (
        "chat",
        3,
        "0.45",
        "0.3",
    )
    assert savings["claim"]["holds"] is False
    assert savings["claim"]["verdict"].startswith("0.67 times cheaper than sov-flash")
    query["always_think"] = "flash"
    thinking = (await client.get("/tenants/acme/savings", params=query)).json()
    assert thinking["always_think"] == {"tier": "flash", "model": "sov-flash"}
    assert thinking["total"]["always_think"] == "0.3"
    for change, status, expected in (
        ({"baseline": "gpt-99"}, 404, "unpriced_model"),
        ({"always_think": "think-max"}, 422, "invalid_report"),
        ({"reasoning_ratio": "-1"}, 422, "invalid_request"),
    ):
        answer = await client.get("/tenants/acme/savings", params=query | change)
        assert (change, answer.status_code, code(answer)) == (change, status, expected)


@pytest.mark.usefixtures("settled")
async def test_reconciliation_shows_what_the_trail_lacks(sign_in: Login) -> None:
    """The requests were settled without any record of the trail."""
    client = await sign_in("finance@acme")
    sheet = (await client.get("/tenants/acme/reconciliation", params=SPAN)).json()
    (row,) = sheet["rows"]
    assert (row["upstream"], row["zone"], row["requests"], row["cost"]) == (
        "pool",
        "onprem",
        3,
        "0.45",
    )
    wrong = [proof for proof in sheet["proofs"] if not proof["equal"]]
    assert [(proof["left_source"], proof["difference"]) for proof in wrong] == [
        ("audit trail", "-3")
    ]
    assert not sheet["ok"]
    assert (
        await (await sign_in("viewer@acme")).get("/tenants/acme/reconciliation")
    ).status_code == 403


@pytest.mark.usefixtures("settled")
async def test_savings_and_reconciliation_as_files(sign_in: Login, jobs: JobService) -> None:
    client = await sign_in("finance@acme")
    for body in (
        {"kind": "savings", "format": "csv", "savings": {"baseline": "sov-flash"}},
        {
            "kind": "savings",
            "format": "xlsx",
            "savings": {"baseline": "sov-flash", "precise": True},
        },
        {"kind": "reconciliation", "format": "xlsx"},
        {"kind": "usage", "format": "csv", "group_by": ["trend", "token_class"]},
    ):
        started = await client.post("/tenants/acme/exports", json={**body, **BODY})
        assert started.status_code == 202, started.text
        await run_job(jobs.settings, jobs.tasks, started.json()["id"], "test")
        url = f"/tenants/acme/exports/{started.json()['id']}"
        export = (await client.get(url)).json()
        assert (export["status"], export["error"]) == ("done", None)
        assert (await client.get(f"{url}/download")).content
    bare = {"kind": "savings", "format": "csv", **BODY}
    answer = await client.post("/tenants/acme/exports", json=bare)
    assert (answer.status_code, code(answer)) == (422, "invalid_report")
