"""Jobs in the admin API: progress, start, retry, cancel, the schedule, and one job a key."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from billing import DEPLOYMENT, JobService, Schedule
from billing.jobs.execution import run_job
from billing.models import Job
from gateway.admin import AdminServices
from gateway.admin.jobs import service
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import Login, World, code

SCHEDULED = ("rollups.verify", "retention")
DAY = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}


async def _actions(services: AdminServices, tenant: str) -> list[tuple[str, str]]:
    """The trail's actions on jobs and exports with their targets."""
    async with services.database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == tenant)
        bodies = [json.loads(body) for body in await session.scalars(query)]
    found = [(body["action"], body["target"]) for body in bodies]
    return [pair for pair in found if pair[0].startswith(("job.", "export."))]


async def _set(services: AdminServices, job_id: str, **values: Any) -> None:
    async with services.database.transaction() as session:
        await session.execute(update(Job).where(Job.id == job_id).values(**values))


async def _run(jobs: JobService, job_id: str) -> None:
    await run_job(jobs.settings, jobs.tasks, job_id, "test")


async def test_a_tenants_jobs_show_how_far_they_are(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("finance@acme")
    job_id = world.acme.export_id
    await _set(services, job_id, status="running", progress=40, attempts=1)
    job = (await client.get(f"/tenants/acme/jobs/{job_id}")).json()
    assert (job["status"], job["progress"], job["attempts"]) == ("running", 40, 1)
    assert (job["kind"], job["params"]["format"], job["has_file"]) == ("usage", "csv", False)
    export = (await client.get(f"/tenants/acme/exports/{job_id}")).json()
    assert export["progress"] == 40
    listed = (await client.get("/tenants/acme/jobs")).json()["items"]
    assert [item["id"] for item in listed] == [job_id]
    for query, count in (({"status": "done"}, 0), ({"kind": "usage"}, 1), ({"kind": "x"}, 0)):
        answer = await client.get("/tenants/acme/jobs", params=query)
        assert len(answer.json()["items"]) == count
    assert (await client.get("/tenants/acme/jobs", params={"status": "lost"})).status_code == 422


async def test_the_deployments_jobs_are_for_global_roles(sign_in: Login, world: World) -> None:
    job_id = world.acme.deployment_job_id
    for account in ("owner@acme", "finance@acme"):
        client = await sign_in(account)
        for path in ("/jobs", "/jobs/schedule", f"/jobs/{job_id}"):
            answer = await client.get(path)
            assert (answer.status_code, code(answer)) == (403, "forbidden")
        # Nor by way of a tenant, their own or one of that name.
        for tenant in ("acme", DEPLOYMENT):
            assert (await client.get(f"/tenants/{tenant}/jobs/{job_id}")).status_code == 404
    auditor = await sign_in("auditor")
    assert (await auditor.get(f"/jobs/{job_id}")).json()["tenant"] == DEPLOYMENT
    answer = await auditor.post("/jobs", json={"kind": "retention"})
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_start_run_and_read_the_result(
    sign_in: Login, world: World, services: AdminServices, jobs: JobService
) -> None:
    client = await sign_in("finance")
    answer = await client.post("/jobs", json={"kind": "rollups.verify"})
    assert answer.status_code == 202
    job_id = answer.json()["id"]
    assert await _actions(services, "_system") == [("job.start", job_id)]
    await _run(jobs, job_id)
    job = (await client.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["result"]["problems"]) == ("done", [])
    newest = (await client.get("/jobs")).json()["items"][0]
    assert newest == job


async def test_what_cannot_be_started(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    for body, expected in (
        ({"kind": "dance"}, "unknown_job_kind"),
        ({"kind": "usage"}, "unknown_job_kind"),  # of a tenant
        ({"kind": "retention", "params": {"days": "0"}}, "invalid_job"),
        ({"kind": "retention", "params": {"days": 0}}, "invalid_request"),
        ({"kind": "retention", "tenant": "acme"}, "invalid_request"),
    ):
        answer = await client.post("/jobs", json=body)
        assert (answer.status_code, code(answer)) == (422, expected)


async def test_what_a_job_does_needs_its_own_permission(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    """An admin starts and retries jobs, but neither bills nor carries the trail away."""
    admin, finance = await sign_in("admin"), await sign_in("finance")
    drafts = {"kind": "invoices.draft", "params": {"month": "2026-10"}}
    refused = await admin.post("/jobs", json=drafts)
    assert (refused.status_code, code(refused)) == (403, "forbidden")
    answer = await finance.post("/jobs", json=drafts)
    assert answer.status_code == 202
    place = f"/jobs/{answer.json()['id']}"
    await admin.post(f"{place}/cancel")
    assert (await admin.post(f"{place}/retry")).status_code == 403
    assert (await finance.post(f"{place}/retry")).status_code == 202
    failed = {"status": "failed", "kind": "audit"}
    await _set(services, world.acme.export_id, **failed)
    place = f"/tenants/acme/jobs/{world.acme.export_id}/retry"
    for client in (admin, finance, await sign_in("admin@acme")):
        assert (await client.post(place)).status_code == 403
    assert (await (await sign_in("owner@acme")).post(place)).status_code == 202


async def test_retry_and_cancel_are_recorded(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("finance@acme")
    job_id = world.acme.export_id
    place = f"/tenants/acme/jobs/{job_id}"
    answer = await client.post(f"{place}/retry")
    assert (answer.status_code, code(answer)) == (409, "job_state_conflict")
    cancelled = await client.post(f"{place}/cancel")
    assert (cancelled.status_code, cancelled.json()["error"]) == (200, "job_cancelled")
    again = await client.post(f"{place}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    assert await _actions(services, "acme") == [("job.cancel", job_id), ("job.retry", job_id)]
    assert await _actions(services, "_system") == []
    owner = await sign_in("owner")
    await owner.post(f"/jobs/{world.acme.deployment_job_id}/cancel")
    expected = [("job.cancel", world.acme.deployment_job_id)]
    assert await _actions(services, "_system") == expected


async def test_why_a_job_failed_and_when_it_is_tried_again(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("owner@acme")
    place = f"/tenants/acme/jobs/{world.acme.export_id}"
    later = services.clock.now() + timedelta(minutes=1)
    await _set(
        services, world.acme.export_id, error_code="temporarily_unavailable", not_before=later
    )
    job = (await client.get(place)).json()
    assert (job["error"], job["not_before"]) == (
        "temporarily_unavailable",
        "2026-11-21T12:01:00.000000Z",
    )
    result = {"message": "Choose another format."}
    await _set(services, world.acme.export_id, status="failed", result=result)
    job = (await client.get(place)).json()
    assert (job["status"], job["result"], job["not_before"]) == ("failed", result, None)


@pytest.mark.parametrize("path", ["/tenants/acme/exports", "/jobs"])
async def test_the_same_idempotency_key_is_the_same_job(
    sign_in: Login, world: World, services: AdminServices, path: str
) -> None:
    of_exports = path.endswith("exports")
    body: dict[str, Any] = {"kind": "retention"}
    other: dict[str, Any] = {"kind": "rollups.verify"}
    if of_exports:
        body = {"kind": "usage", "format": "csv", **DAY}
        other = body | {"format": "xlsx"}
    client = await sign_in("owner")
    headers = {"Idempotency-Key": "monday"}
    first = await client.post(path, json=body, headers=headers)
    second = await client.post(path, json=body, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    trail = await _actions(services, "acme" if of_exports else "_system")
    assert [target for _, target in trail] == [first.json()["id"]]
    reused = await client.post(path, json=other, headers=headers)
    assert (reused.status_code, code(reused)) == (422, "job_key_reused")
    # Another account's key is another key.
    mine = await (await sign_in("finance")).post(path, json=body, headers=headers)
    assert mine.json()["id"] != first.json()["id"]
    for wrong in ("", "x" * 65, "with space"):
        answer = await client.post(path, json=body, headers={"Idempotency-Key": wrong})
        assert (answer.status_code, code(answer)) == (422, "invalid_request")


async def test_the_schedule_says_what_is_next_and_how_it_went(
    sign_in: Login, world: World, services: AdminServices, jobs: JobService
) -> None:
    client = await sign_in("viewer")
    assert (await client.get("/jobs/schedule")).status_code == 403
    client = await sign_in("auditor")
    assert (await client.get("/jobs/schedule")).json() == {"items": []}  # nothing is scheduled
    settings = replace(jobs.settings, schedule=Schedule({"rollups.verify": "off"}))
    scheduled = JobService(services.database, services.clock, settings, jobs.tasks)
    schedule = await service.get_schedule(replace(services, jobs=scheduled))
    verify, retention = [item for item in schedule.items if item.kind in SCHEDULED]
    assert (retention.cadence, retention.next_at) == (
        "daily 03:00",
        datetime(2026, 11, 22, 3, tzinfo=UTC),
    )
    assert retention.latest is not None
    assert retention.latest.id == world.globex.deployment_job_id
    assert (verify.cadence, verify.next_at, verify.latest) == ("off", None, None)
