"""Usage, overview, audit pages and exports, from a ledger and a trail with content."""

import asyncio
import csv
import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import JobService, LedgerSink, PriceBook, Reservation, Settlement, Usage
from billing.focus.checker import check_file
from billing.ledger.rollups import move_rollups
from billing.models import UsageRecord
from core.clock import ManualClock, isoformat
from gateway.admin import AdminServices
from gateway.audit import AuditChain, Entry, RequestRecord
from gateway.audit.verify import verify_file
from tests.gateway.admin.conftest import Login, World, code

DAY = {"start": "2026-11-20T13:00:00Z", "end": "2026-11-21T13:00:00Z"}


@pytest.fixture
async def traffic(services: AdminServices, world: World, clock: ManualClock) -> None:
    """acme: 3 requests today (1 blocked, 1 masked), 1 a week ago; globex: 1 today."""
    now = clock.now()
    old = ManualClock(now - timedelta(days=7))
    async with services.database.transaction() as session:
        for number, (tenant, at) in enumerate(
            [("acme", now), ("acme", now), ("acme", old.now()), ("globex", now)]
        ):
            await _use(session, _usage(world, tenant, f"req_{number}", at))
        await AuditChain(old).append(session, [_entry("acme", "req_2", "completed", {})])
        entries = [
            _entry("acme", "req_0", "completed", {"PERSON": 2}),
            _entry("acme", "req_1", "disconnected", {}),
            _entry("acme", "req_b", "blocked", {}),
            _entry("globex", "req_3", "completed", {}),
        ]
        await AuditChain(ManualClock(now - timedelta(seconds=1))).append(session, entries)


async def _use(session: AsyncSession, record: UsageRecord) -> None:
    """As the ledger's sink does it."""
    session.add(record)
    await session.flush()
    row = {column.name: getattr(record, column.name) for column in UsageRecord.__table__.columns}
    await move_rollups(session, [row])


def _usage(world: World, tenant: str, request_id: str, at: datetime) -> UsageRecord:
    return UsageRecord(
        request_id=request_id,
        tenant=tenant,
        at=at - timedelta(seconds=1),
        day=date(at.year, at.month, at.day),
        project_id=world.acme.project_id,
        key_id=world.acme.key_id,
        model="sov-flash",
        tier="flash",
        upstream="pool",
        price_version="pv_1",
        input_tokens=10,
        cached_input_tokens=4,
        cache_write_tokens=1,
        output_tokens=7,
        reasoning_tokens=2,
        guard_tokens=0,
        embedding_tokens=0,
        surcharge=Decimal(0),
        ended="completed",
        worker_seconds=Decimal("0.5"),
        cost=Decimal("0.000000000000000001"),
        currency="USD",
        estimated=False,
    )


def _entry(tenant: str, request_id: str, outcome: str, masked: dict[str, int]) -> Entry:
    at = isoformat(datetime(2026, 11, 21, tzinfo=UTC))
    record = RequestRecord(
        request_id=request_id,
        tenant=tenant,
        outcome=outcome,
        surface="chat",
        started_at=at,
        ended_at=at,
        masked=masked,
    )
    fields = record.to_dict()
    del fields["tenant"], fields["request_id"]
    return Entry(tenant, request_id, "request", fields)


@pytest.mark.usefixtures("traffic")
async def test_usage_is_exact_and_grouped(sign_in: Login) -> None:
    client = await sign_in("finance@acme")
    usage = (await client.get("/tenants/acme/usage")).json()
    assert [row["group"] for row in usage["rows"]] == ["2026-11-14", "2026-11-21"]
    assert usage["rows"][1]["requests"] == 2
    assert usage["total"] == {
        "requests": 3,
        "estimated_requests": 0,
        "cut_requests": 0,
        "unpriced_requests": 0,
        "input_tokens": 30,
        "cached_input_tokens": 12,
        "cache_write_tokens": 3,
        "output_tokens": 21,
        "reasoning_tokens": 6,
        "guard_tokens": 0,
        "embedding_tokens": 0,
        "worker_seconds": "1.5",
        "surcharge_usd": "0",
        "cost_usd": "0.000000000000000003",
    }
    query = {"group_by": "tier", "from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
    usage = (await client.get("/tenants/acme/usage", params=query)).json()
    assert [(row["group"], row["requests"]) for row in usage["rows"]] == [("flash", 2)]


@pytest.mark.usefixtures("traffic")
async def test_usage_in_two_levels_and_filtered(sign_in: Login, world: World) -> None:
    client = await sign_in("finance@acme")
    query = {"group_by": "tier", "then_by": "day", "key": world.acme.key_id}
    usage = (await client.get("/tenants/acme/usage", params=query)).json()
    assert (usage["group_by"], usage["then_by"]) == ("tier", "day")
    assert [(row["group"], row["then"], row["requests"]) for row in usage["rows"]] == [
        ("flash", "2026-11-14", 1),
        ("flash", "2026-11-21", 2),
    ]
    usage = (await client.get("/tenants/acme/usage", params={"model": "another"})).json()
    assert (usage["rows"], usage["total"]["requests"]) == ([], 0)


@pytest.mark.usefixtures("traffic")
async def test_usage_of_all_tenants_that_one_may_see(sign_in: Login) -> None:
    everybody = (await (await sign_in("viewer")).get("/usage")).json()
    assert [(row["group"], row["requests"]) for row in everybody["rows"]] == [
        ("acme", 3),
        ("globex", 1),
    ]
    assert (everybody["tenant"], everybody["total"]["requests"]) == (None, 4)
    local = (await (await sign_in("viewer@acme")).get("/usage")).json()
    assert [row["group"] for row in local["rows"]] == ["acme"]
    assert (await (await sign_in("nobody")).get("/usage")).status_code == 403


async def test_a_span_that_makes_no_sense(sign_in: Login) -> None:
    client = await sign_in("finance@acme")
    for query in (
        {"from": "2026-11-22T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        {"from": "2001-01-01T00:00:00Z"},
        {"from": "yesterday"},
        {"group_by": "phase of the moon"},
    ):
        answer = await client.get("/tenants/acme/usage", params=query)
        assert answer.status_code == 422
        assert code(answer) in ("invalid_request", "invalid_value")
        assert "moon" not in answer.text


@pytest.mark.usefixtures("traffic")
async def test_the_overview_sums_what_one_may_see(sign_in: Login) -> None:
    local = (await (await sign_in("viewer@acme")).get("/overview")).json()
    assert local["tenants"] == ["acme"]
    day, month = local["last_24h"], local["last_30d"]
    names = ("requests", "blocked", "denied", "masked", "failed", "input_tokens", "output_tokens")
    assert [day[name] for name in names] == [3, 1, 0, 1, 1, 30, 18]
    assert month["requests"] == 4
    assert day["cost_usd"] == "0.000000000000000002"
    assert day["by_tier"] == [
        {"name": "flash", "requests": 2, "tokens": 48, "cost_usd": "0.000000000000000002"}
    ]
    assert [share["name"] for share in day["by_upstream"]] == ["pool"]
    client = await sign_in("viewer")
    assert (await client.get("/overview")).json()["last_24h"]["requests"] == 4
    one = (await client.get("/overview", params={"tenant": "globex"})).json()
    assert (one["tenants"], one["last_24h"]["requests"]) == (["globex"], 1)


async def test_the_overview_of_another_tenant(sign_in: Login) -> None:
    client = await sign_in("viewer@acme")
    answer = await client.get("/overview", params={"tenant": "globex"})
    assert (answer.status_code, code(answer)) == (404, "not_found")


@pytest.mark.usefixtures("traffic")
async def test_audit_pages_run_from_new_to_old_without_gap(sign_in: Login) -> None:
    client = await sign_in("auditor@acme")
    first = (await client.get("/tenants/acme/audit", params={"limit": 3})).json()
    assert [item["seq"] for item in first["items"]] == [4, 3, 2]
    before = {"limit": 3, "before": first["next_before"]}
    last = (await client.get("/tenants/acme/audit", params=before)).json()
    assert [item["seq"] for item in last["items"]] == [1]
    assert last["next_before"] is None
    assert first["items"][2]["prev_hash"] == last["items"][0]["hash"]
    assert first["items"][2]["body"]["masked"] == {"PERSON": 2}


async def test_the_deployments_own_trail_is_for_global_auditors(sign_in: Login) -> None:
    page = (await (await sign_in("auditor")).get("/tenants/_system/audit")).json()
    assert page["items"][0]["body"]["action"] == "login"
    assert (await (await sign_in("auditor@acme")).get("/tenants/_system/audit")).status_code == 404
    assert (await (await sign_in("viewer")).get("/tenants/_system/audit")).status_code == 403


async def finished(client: httpx.AsyncClient, export: dict[str, str]) -> dict[str, str]:
    url = f"/tenants/{export['tenant']}/exports/{export['id']}"
    deadline = time.monotonic() + 30
    while (body := (await client.get(url)).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return body


@pytest.mark.usefixtures("traffic")
async def test_an_audit_export_is_written_downloaded_and_verifies(
    sign_in: Login, jobs: JobService, tmp_path: Path
) -> None:
    await jobs.start()
    client = await sign_in("auditor@acme")
    body = {"kind": "audit", "format": "jsonl", **DAY}
    started = await client.post("/tenants/acme/exports", json=body)
    assert (started.status_code, started.json()["status"]) == (202, "queued")
    export = await finished(client, started.json())
    assert (export["status"], export["error"]) == ("done", None)
    answer = await client.get(f"/tenants/acme/exports/{export['id']}/download")
    assert f"acme-audit-{export['id']}.jsonl" in answer.headers["content-disposition"]
    assert len(answer.content) == export["size_bytes"]
    records = [json.loads(line) for line in answer.text.splitlines()]
    assert [record["request_id"] for record in records[:3]] == ["req_0", "req_1", "req_b"]
    file = tmp_path / "audit.jsonl"
    file.write_bytes(answer.content)
    assert verify_file(file, None).ok


@pytest.mark.usefixtures("traffic")
async def test_a_usage_export_agrees_with_the_ledger(sign_in: Login, jobs: JobService) -> None:
    await jobs.start()
    client = await sign_in("finance@acme")
    body = {"kind": "usage", "format": "csv", **DAY}
    export = await finished(client, (await client.post("/tenants/acme/exports", json=body)).json())
    answer = await client.get(f"/tenants/acme/exports/{export['id']}/download")
    (row,) = csv.DictReader(StringIO(answer.text.lstrip("\ufeff")))
    assert (row["requests"], row["cost"]) == ("2", "0.000000000000000002")


async def test_a_focus_export_of_a_month(
    sign_in: Login, jobs: JobService, services: AdminServices, world: World, tmp_path: Path
) -> None:
    await jobs.start()
    reservation = Reservation(
        request_id="req_f",
        tenant="acme",
        project_id=world.acme.project_id,
        key_id=world.acme.key_id,
        amount=Decimal(0),
        at=services.clock.now(),
    )
    price = {"model": "m", "effective_from": "2026-01-01", "input": "0.5", "output": "2", "per": 1}
    usage = Usage(input_tokens=3)
    breakdown = PriceBook.from_settings([price]).price("m", reservation.at, usage)
    settlement = Settlement.settle(reservation, usage=usage, breakdown=breakdown, model="m")
    async with services.database.transaction() as session:
        await LedgerSink(services.clock).apply(session, [settlement.to_json()])
    client = await sign_in("finance@acme")
    body = {"kind": "focus", "format": "csv"}
    month = {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}
    started = await client.post("/tenants/acme/exports", json={**body, **month})
    export = await finished(client, started.json())
    assert (export["status"], export["error"]) == ("done", None)
    answer = await client.get(f"/tenants/acme/exports/{export['id']}/download")
    file = tmp_path / "focus.csv"
    file.write_bytes(answer.content)
    assert check_file(file, {"open-acme-2026-11": Decimal("1.5")}) == []
    answer = await client.post("/tenants/acme/exports", json={**body, **DAY})
    assert (answer.status_code, code(answer)) == (422, "invalid_report")


async def test_finance_and_audit_exports_are_apart(sign_in: Login, jobs: JobService) -> None:
    finance, admin = await sign_in("finance@acme"), await sign_in("admin@acme")
    auditor = await sign_in("auditor@acme")
    body = {"kind": "audit", "format": "jsonl", **DAY}
    for client in (finance, admin):
        answer = await client.post("/tenants/acme/exports", json=body)
        assert (answer.status_code, code(answer)) == (403, "forbidden")
    audit = (await auditor.post("/tenants/acme/exports", json=body)).json()
    assert (await finance.get(f"/tenants/acme/exports/{audit['id']}")).status_code == 404
    kinds = [item["kind"] for item in (await finance.get("/tenants/acme/exports")).json()["items"]]
    assert kinds == ["usage"]


async def test_an_export_that_is_not_done_cannot_be_downloaded(
    sign_in: Login, world: World
) -> None:
    client = await sign_in("finance@acme")
    answer = await client.get(f"/tenants/acme/exports/{world.acme.export_id}/download")
    assert (answer.status_code, code(answer)) == (409, "export_not_ready")


async def test_an_export_that_could_only_fail_is_refused(sign_in: Login) -> None:
    client = await sign_in("owner")
    backwards = {"kind": "usage", "format": "csv", "start": DAY["end"], "end": DAY["start"]}
    for body in (
        {"kind": "audit", "format": "xlsx", **DAY},
        {"kind": "usage", "format": "jsonl", **DAY},
        {"kind": "focus", "format": "xlsx", **DAY},
        {"kind": "secrets", "format": "csv", **DAY},
        backwards,
    ):
        assert (await client.post("/tenants/acme/exports", json=body)).status_code == 422
