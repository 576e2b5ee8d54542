"""The trail in the admin API: filters, one record, how whole it is, verifying, filtered exports."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from billing import DEPLOYMENT, JobService
from billing.jobs.execution import run_job
from core.clock import ManualClock
from gateway.admin import AdminServices
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_file
from tests.gateway.admin.conftest import Login, World, code

DAY = {"start": "2026-11-21T00:00:00Z", "end": "2026-11-22T00:00:00Z"}


@pytest.fixture
async def chain(services: AdminServices, world: World, tmp_path: Path) -> AuditChain:
    """Six requests of acme's, signed, and one that is not yet; one of globex's."""
    chain = AuditChain(services.clock, SigningKey.load_or_create(None, tmp_path))
    for tenant, numbers in (("acme", range(6)), ("globex", range(1))):
        entries = [
            Entry(
                tenant,
                f"req_{number}",
                "request",
                {
                    "outcome": "completed" if number % 2 else "blocked",
                    "zone": "eu" if number < 3 else "us",
                    "detectors": [{"name": "pii", "verdict": "found", "action": "mask"}],
                },
            )
            for number in numbers
        ]
        async with services.database.transaction() as session:
            await chain.append(session, entries)
        async with services.database.transaction() as session:
            await chain.checkpoint(session, tenant)
    async with services.database.transaction() as session:
        await chain.append(session, [Entry("acme", "req_6", "request", {"zone": "us"})])
    return chain


async def _ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/tenants/acme/audit", params=query)
    assert answer.status_code == 200, answer.text
    return [item["request_id"] for item in answer.json()["items"]]


async def _run(jobs: JobService, job_id: str) -> None:
    await run_job(jobs.settings, jobs.tasks, job_id, "test")


async def test_records_by_filter(
    sign_in: Login, chain: AuditChain, clock: ManualClock, services: AdminServices
) -> None:
    client = await sign_in("auditor@acme")
    assert await _ids(client, zone="eu") == ["req_2", "req_1", "req_0"]
    assert await _ids(client, zone="eu", outcome="blocked") == ["req_2", "req_0"]
    assert await _ids(client, action="mask", limit=2) == ["req_5", "req_4"]
    assert await _ids(client, request_id="req_4") == ["req_4"]
    assert await _ids(client, zone="mars") == []
    clock.advance(timedelta(hours=1))
    later = clock.now().isoformat()
    async with services.database.transaction() as session:
        await chain.append(session, [Entry("acme", "req_7", "request", {"zone": "eu"})])
    assert await _ids(client, zone="eu", **{"from": later}) == ["req_7"]
    assert await _ids(client, zone="eu", to=later) == ["req_2", "req_1", "req_0"]
    for query in ({"colour": "red"}, {"zone": ""}, {"zone": "x" * 201}, {"from": "yesterday"}):
        answer = await client.get("/tenants/acme/audit", params=query)
        assert (answer.status_code, code(answer)) == (422, "invalid_request")


async def test_one_record_and_the_checkpoint_over_it(sign_in: Login, chain: AuditChain) -> None:
    client = await sign_in("auditor@acme")
    for name in ("req_2", "3"):
        found = (await client.get(f"/tenants/acme/audit/records/{name}")).json()
        assert (found["record"]["seq"], found["record"]["request_id"]) == (3, "req_2")
        assert found["checkpoint"]["seq"] == 6
        assert chain.key is not None
        assert found["checkpoint"]["key_id"] == chain.key.current().key_id
    unsigned = (await client.get("/tenants/acme/audit/records/req_6")).json()
    assert unsigned["checkpoint"] is None
    for name in ("req_x", "99", "0"):
        answer = await client.get(f"/tenants/acme/audit/records/{name}")
        assert (answer.status_code, code(answer)) == (404, "not_found")


async def test_a_proof_is_downloaded_and_verifies(
    sign_in: Login, chain: AuditChain, tmp_path: Path
) -> None:
    client = await sign_in("auditor@acme")
    answer = await client.get("/tenants/acme/audit/records/req_2/proof")
    assert answer.status_code == 200, answer.text
    assert 'filename="acme-3-proof.json"' in answer.headers["content-disposition"]
    file = tmp_path / "proof.json"
    await asyncio.to_thread(file.write_bytes, answer.content)
    assert chain.key is not None
    assert verify_file(file, chain.key.current().public_key).ok
    assert await _ids(client, action="audit.prove", target="req_2")
    answer = await client.get("/tenants/acme/audit/records/req_6/proof")
    assert (answer.status_code, code(answer)) == (409, "no_inclusion_proof")
    # Who changes things does not carry evidence away.
    admin = await sign_in("admin@acme")
    assert (await admin.get("/tenants/acme/audit/records/req_2/proof")).status_code == 403


async def test_a_verification_is_a_job_whose_result_is_shown(
    sign_in: Login, chain: AuditChain, jobs: JobService, services: AdminServices
) -> None:
    client = await sign_in("auditor@acme")
    before = (await client.get("/tenants/acme/audit/integrity")).json()
    assert (before["records"], before["unsigned"], before["verification"]) == (7, 1, None)
    assert before["checkpoint"]["seq"] == 6
    started = await client.post("/tenants/acme/audit/verify")
    assert (started.status_code, started.json()["status"]) == (202, "queued")
    # A second request meanwhile is the same job.
    again = await client.post("/tenants/acme/audit/verify")
    assert again.json()["job_id"] == started.json()["job_id"]
    await _run(jobs, started.json()["job_id"])
    found = (await client.get("/tenants/acme/audit/integrity")).json()["verification"]
    assert (found["ok"], found["source"], found["status"]) == (True, "request", "done")
    assert found["records"] >= 7
    assert found["summary"].startswith("OK: tenant acme")
    async with services.database.transaction() as session:
        query = update(AuditRecord).where(AuditRecord.tenant == "acme", AuditRecord.seq == 2)
        await session.execute(query.values(body='{"zone":"eu"}'))
    started = await client.post("/tenants/acme/audit/verify")
    await _run(jobs, started.json()["job_id"])
    found = (await client.get("/tenants/acme/audit/integrity")).json()["verification"]
    assert (found["ok"], found["status"]) == (False, "failed")
    assert "edited record seq 2" in found["summary"]


async def test_the_nightly_verification_covers_every_chain(
    sign_in: Login, chain: AuditChain, jobs: JobService, services: AdminServices
) -> None:
    job = await jobs.submit(DEPLOYMENT, "audit.verify", {})
    await _run(jobs, job.id)
    acme, globex = await sign_in("auditor@acme"), await sign_in("auditor@globex")
    for client, tenant in ((acme, "acme"), (globex, "globex")):
        found = (await client.get(f"/tenants/{tenant}/audit/integrity")).json()["verification"]
        assert (found["ok"], found["source"]) == (True, "schedule")
    async with services.database.transaction() as session:
        query = update(AuditRecord).where(AuditRecord.tenant == "acme", AuditRecord.seq == 2)
        await session.execute(query.values(body='{"zone":"eu"}'))
    job = await jobs.submit(DEPLOYMENT, "audit.verify", {})
    await _run(jobs, job.id)
    failed = await jobs.get(DEPLOYMENT, job.id)
    assert (failed.status, failed.error_code) == ("failed", "audit_damaged")
    for client, tenant, ok in ((acme, "acme", False), (globex, "globex", True)):
        body = (await client.get(f"/tenants/{tenant}/audit/integrity")).json()
        assert body["verification"]["ok"] is ok
        # Of another tenant's chain nothing is said.
        assert ("acme" in json.dumps(body)) is (tenant == "acme")


async def test_a_filtered_export_carries_proofs(
    sign_in: Login, chain: AuditChain, jobs: JobService, tmp_path: Path
) -> None:
    client = await sign_in("auditor@acme")
    body = {"kind": "audit", "format": "jsonl", **DAY, "filter": {"zone": "eu"}}
    started = await client.post("/tenants/acme/exports", json=body)
    assert started.status_code == 202, started.text
    assert started.json()["filter"]["zone"] == "eu"
    await _run(jobs, started.json()["id"])
    export = (await client.get(f"/tenants/acme/exports/{started.json()['id']}")).json()
    assert (export["status"], export["error"]) == ("done", None)
    answer = await client.get(f"/tenants/acme/exports/{export['id']}/download")
    file = tmp_path / "eu.jsonl"
    await asyncio.to_thread(file.write_bytes, answer.content)
    report = verify_file(file)
    assert (report.ok, report.records, report.selection) == (True, 3, True)
    for wrong in ({"colour": "red"}, {"zone": ""}, ["zone"]):
        answer = await client.post("/tenants/acme/exports", json={**body, "filter": wrong})
        assert (answer.status_code, code(answer)) == (422, "invalid_request")


async def test_who_may_not_read_the_trail(sign_in: Login, chain: AuditChain) -> None:
    for account in ("finance@acme", "viewer@acme"):
        client = await sign_in(account)
        for path in ("", "/integrity", "/records/req_2"):
            assert (await client.get(f"/tenants/acme/audit{path}")).status_code == 403
        assert (await client.post("/tenants/acme/audit/verify")).status_code == 403
