"""The export job of FOCUS files, run as any other job."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import JobService, JobSettings, Usage, default_tasks
from billing.errors import InvalidReport
from billing.focus.checker import check_file
from billing.focus.task import FocusTask
from billing.invoices.terms import InvoiceTerms
from core.clock import SystemClock

NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}


async def test_a_month_as_a_job(ledger: Any, database_url: str, tmp_path: Path) -> None:
    await ledger.spend("r1", "2026-11-03T10:00", Usage(output_tokens=500))
    await ledger.spend("o1", "2026-11-03T10:00", Usage(output_tokens=500), tenant="other")
    tasks = default_tasks()
    task = FocusTask(ledger.terms)
    tasks.register("focus", task, check=task.check)
    settings = JobSettings(database_url=database_url, data_dir=tmp_path, runner="test")
    service = JobService(ledger.database, SystemClock(), settings, tasks)
    await service.start()
    try:
        job = await service.submit("acme", "focus", {"format": "csv", **NOVEMBER})
        async with asyncio.timeout(30):
            while job.status not in ("done", "failed"):
                await asyncio.sleep(0.02)
                job = await service.get("acme", job.id)
        assert (job.status, job.error_code) == ("done", None)
        path = await service.file("acme", job.id)
    finally:
        await service.stop()
    assert check_file(path, {"open-acme-2026-11": Decimal("2.2")}) == []


@pytest.mark.parametrize(
    "params",
    [
        {"format": "xlsx", **NOVEMBER},
        {"format": "csv", "from": "2026-11-01", "to": "2026-11-30"},
        {"format": "csv", "from": "2026-11-01"},
    ],
)
def test_what_could_only_fail_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(InvalidReport):
        FocusTask(InvoiceTerms()).check("acme", "focus", params)
