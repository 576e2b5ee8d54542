"""One run of a job: progress, later attempts, and a claim that is no longer good."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from billing import DEPLOYMENT, JobContext, JobService, JobSettings, TaskRegistry
from billing.jobs import repository
from billing.jobs.execution import may_pass, run_job
from billing.jobs.queue import waiting
from billing.models import Job, LedgerBalance
from core.clock import ManualClock
from core.database import Database


class Flaky:
    """Fails as often as it is told to, then reports what it saw."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.runs = 0

    async def __call__(self, database: Database, context: JobContext) -> Mapping[str, Any]:
        self.runs += 1
        if self._failures:
            raise self._failures.pop(0)
        return {"runs": self.runs}


def _away() -> OperationalError:
    return OperationalError("SELECT", {}, ConnectionRefusedError())


@pytest.fixture
def service(
    database: Database, clock: ManualClock, settings: JobSettings, tasks: TaskRegistry
) -> JobService:
    """Runs nothing by itself."""
    minutes = tuple(timedelta(minutes=count) for count in (1, 2, 4))
    return JobService(database, clock, replace(settings, backoff=minutes), tasks)


async def _run(service: JobService, clock: ManualClock, job: Job, runner: str = "a") -> Job:
    await run_job(service.settings, service.tasks, job.id, runner, clock)
    return await service.get(job.tenant, job.id)


async def _submit(service: JobService, task: Any) -> Job:
    service.tasks.register("flaky", task)
    return await service.submit("acme", "flaky", {})


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (_away(), True),
        (InterfaceError("SELECT", {}, Exception()), True),
        (DBAPIError("SELECT", {}, Exception("deadlock")), True),
        (PoolTimeout(), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (IntegrityError("INSERT", {}, Exception()), False),
        (ProgrammingError("SELECT", {}, Exception()), False),
        (ValueError(), False),
    ],
)
def test_what_may_pass(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes


async def test_it_is_tried_again_after_growing_waits(
    database: Database, service: JobService, clock: ManualClock
) -> None:
    task = Flaky(_away(), ConnectionResetError())
    job = await _submit(service, task)
    for attempts, minutes in ((1, 1), (2, 2)):
        job = await _run(service, clock, job)
        assert (job.status, job.attempts) == ("queued", attempts)
        assert job.error_code == "temporarily_unavailable"
        assert job.not_before == clock.now() + timedelta(minutes=minutes)
        # Not before its time, whoever asks.
        assert await waiting(database, clock, service.settings) == []
        assert (await _run(service, clock, job)).attempts == attempts
        clock.advance(timedelta(minutes=minutes))
        assert await waiting(database, clock, service.settings) == [job.id]
    job = await _run(service, clock, job)
    assert (job.status, job.attempts, job.error_code) == ("done", 3, None)
    assert job.result == {"runs": 3}


async def test_it_is_given_up_in_the_end_and_a_retry_begins_anew(
    service: JobService, clock: ManualClock
) -> None:
    task = Flaky(*(_away() for _ in range(4)))
    job = await _submit(service, task)
    for minutes in (1, 2, 4):
        assert (await _run(service, clock, job)).status == "queued"
        clock.advance(timedelta(minutes=minutes))
    job = await _run(service, clock, job)
    assert (job.status, job.attempts) == ("failed", 4)
    assert job.error_code == "temporarily_unavailable"
    await service.retry("acme", job.id)
    job = await _run(service, clock, job)
    assert (job.status, job.attempts, job.result) == ("done", 1, {"runs": 5})


async def test_what_is_nobodys_fault_is_not_tried_again(
    service: JobService, clock: ManualClock
) -> None:
    job = await _submit(service, Flaky(ValueError("a bug")))
    with pytest.raises(ValueError, match="a bug"):
        await _run(service, clock, job)
    job = await service.get("acme", job.id)
    assert (job.status, job.error_code, job.attempts) == ("failed", "internal_error", 1)


async def test_progress_is_there_while_it_runs(service: JobService, clock: ManualClock) -> None:
    seen: list[int] = []

    async def climb(database: Database, context: JobContext) -> None:
        for percent in (-5, 30, 100):
            await context.progress(percent)
            seen.append((await service.get("acme", context.job_id)).progress)

    job = await _run(service, clock, await _submit(service, climb))
    assert seen == [0, 30, 99]  # 100 is for jobs that are done
    assert (job.progress, job.result) == (100, None)


async def test_of_two_runners_one_gets_it(service: JobService, clock: ManualClock) -> None:
    task = Flaky()
    job = await _submit(service, task)
    await asyncio.gather(*(_run(service, clock, job, runner) for runner in "abcd"))
    assert task.runs == 1


async def test_a_runner_that_was_thought_dead_changes_nothing_and_stops(
    database: Database, service: JobService, clock: ManualClock
) -> None:
    settings = replace(service.settings, heartbeat=timedelta(milliseconds=20))
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def hang(_: Database, context: JobContext) -> None:
        if not begun.is_set():
            begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                stopped.set()

    job = await _submit(service, hang)
    first = asyncio.create_task(run_job(settings, service.tasks, job.id, "same", clock))
    await begun.wait()
    held = await service.get("acme", job.id)
    clock.advance(settings.stale_after + timedelta(seconds=1))
    # Another of the same name takes it over, as processes of one host may be called alike.
    async with database.transaction() as session:
        await session.execute(_silence(job.id, clock, settings))
        assert await repository.claim(session, job.id, "same", clock.now(), clock.now())
    await asyncio.wait_for(first, 30)
    assert stopped.is_set()
    async with database.transaction() as session:
        assert not await repository.change(session, held, {"progress": 77})
    after = await service.get("acme", job.id)
    assert (after.status, after.attempts, after.progress) == ("running", 2, 0)


def _silence(job_id: str, clock: ManualClock, settings: JobSettings) -> Any:
    """As if the last heartbeat were long ago; the runner goes on beating until it looks."""
    past = clock.now() - settings.stale_after - timedelta(seconds=1)
    return update(Job).where(Job.id == job_id).values(heartbeat_at=past)


async def test_a_broken_ledger_fails_with_its_problems(
    database: Database, service: JobService, clock: ManualClock
) -> None:
    job = await service.submit(DEPLOYMENT, "rollups.verify", {})
    job = await _run(service, clock, job)
    assert (job.status, job.result) == ("done", {"balances": 0, "problems": []})
    async with database.transaction() as session:
        session.add(
            LedgerBalance(tenant="acme", account="spend", currency="USD", balance=Decimal(1))
        )
    job = await service.submit(DEPLOYMENT, "rollups.verify", {})
    job = await _run(service, clock, job)
    assert (job.status, job.error_code) == ("failed", "ledger_mismatch")
    assert job.result is not None
    assert any("Account spend of tenant acme" in problem for problem in job.result["problems"])
    assert "sovgate billing check" in job.result["message"]
