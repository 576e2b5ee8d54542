"""The nightly verification: its result, its failure, and what the metrics say of it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from billing import DEPLOYMENT, JobService, JobSettings, TaskRegistry
from billing.jobs.execution import run_job
from billing.models import Job
from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry
from gateway.audit.models import AuditRecord
from gateway.audit.verification import VERIFY_ALL, VERIFY_ONE, register_verification
from gateway.audit.watch import VerificationWatch
from gateway.metrics import Metrics


@pytest.fixture
def jobs(database: Database, database_url: str, clock: ManualClock, tmp_path: Path) -> JobService:
    tasks = TaskRegistry()
    register_verification(tasks)
    settings = JobSettings(database_url=database_url, data_dir=tmp_path / "keys")
    return JobService(database, clock, settings, tasks)


async def _run(jobs: JobService, clock: ManualClock, kind: str, tenant: str) -> Job:
    job = await jobs.submit(tenant, kind, {})
    await run_job(jobs.settings, jobs.tasks, job.id, "test", clock)
    return await jobs.get(tenant, job.id)


def _metrics(metrics: Metrics) -> dict[str, Any]:
    lines = metrics.render().decode().splitlines()
    return dict(line.split() for line in lines if line.startswith("sovgate_audit_"))


async def test_damage_fails_the_job_and_shows(
    database: Database, chain: AuditChain, clock: ManualClock, jobs: JobService
) -> None:
    metrics = Metrics()
    watch = VerificationWatch(jobs, metrics)
    for tenant in ("acme", "globex"):
        async with database.transaction() as session:
            await chain.append(
                session, [Entry(tenant, f"req_{n}", "request", {}) for n in range(5)]
            )
            await chain.checkpoint(session, tenant)
    await watch.look()
    assert _metrics(metrics)["sovgate_audit_verified_timestamp_seconds"] == "0.0"

    job = await _run(jobs, clock, VERIFY_ALL, DEPLOYMENT)
    assert (job.status, job.error_code) == ("done", None)
    assert job.result is not None
    assert [(c["tenant"], c["ok"], c["records"]) for c in job.result["chains"]] == [
        ("acme", True, 5),
        ("globex", True, 5),
    ]
    await watch.look()
    assert _metrics(metrics)["sovgate_audit_damaged_chains"] == "0.0"
    at = float(_metrics(metrics)["sovgate_audit_verified_timestamp_seconds"])
    assert at == clock.now().timestamp()

    async with database.transaction() as session:
        query = update(AuditRecord).where(AuditRecord.tenant == "acme", AuditRecord.seq == 3)
        await session.execute(query.values(body='{"cost":"0"}'))
    job = await _run(jobs, clock, VERIFY_ALL, DEPLOYMENT)
    assert (job.status, job.error_code) == ("failed", "audit_damaged")
    assert job.result is not None
    assert "1 of 2 chains" in job.result["message"]
    assert [chain["ok"] for chain in job.result["chains"]] == [False, True]
    assert "edited record seq 3" in job.result["chains"][0]["summary"]
    await watch.look()
    assert _metrics(metrics)["sovgate_audit_damaged_chains"] == "1.0"

    # A tenant's own verification speaks of that tenant alone.
    other = await _run(jobs, clock, VERIFY_ONE, "globex")
    assert other.result is not None
    assert (other.status, len(other.result["chains"])) == ("done", 1)
