"""``invoices.draft``: last month's drafts, however late the job runs, and once however often."""

from typing import Any

import pytest
from sqlalchemy import select

from billing import DEPLOYMENT, JobService, JobSettings, TaskRegistry
from billing.errors import InvalidJob, InvalidReport, UnknownJobKind
from billing.jobs.execution import run_job
from billing.jobs.invoicing import DraftInvoices
from billing.models import Invoice
from core.clock import ManualClock
from core.database import Database
from tests.billing.invoices.conftest import Office, book


@pytest.fixture
async def office(database: Database, clock: ManualClock) -> Office:
    """Acme used 1 million input tokens at 2 USD on the last evening of October and of November."""
    office = Office(database, clock, book({"input": "2", "output": "8"}))
    await office.profile()
    for evening in ("2026-10-31 23:59", "2026-11-30 23:59"):
        await office.use(evening, input_tokens=1_000_000)
    return office


@pytest.fixture
def service(
    office: Office, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> JobService:
    drafts = DraftInvoices(office.terms)
    tasks.register("invoices.draft", drafts, check=drafts.check, deployment=True)
    return JobService(office.database, clock, settings, tasks)


async def _run(service: JobService, clock: ManualClock, **params: str) -> dict[str, Any]:
    job = await service.submit(DEPLOYMENT, "invoices.draft", params)
    await run_job(service.settings, service.tasks, job.id, "test", clock)
    job = await service.get(DEPLOYMENT, job.id)
    assert (job.status, job.error_code) == ("done", None)
    assert job.result is not None
    return job.result


async def test_the_month_before_the_slot_once(
    service: JobService, office: Office, clock: ManualClock
) -> None:
    office.turn_to("2027-02-03 10:00")  # the gateway was down over new year
    slot = "2026-12-01T04:00:00.000000Z"
    first, second = [await _run(service, clock, slot=slot) for _ in range(2)]
    assert (first["month"], list(first["drafted"])) == ("2026-11", ["acme"])
    assert second == first
    async with office.database.session() as session:
        (invoice,) = await session.scalars(select(Invoice))
    assert (invoice.id, invoice.status) == (first["drafted"]["acme"], "draft")
    assert str(invoice.net.normalize()) == "2"


async def test_by_hand_last_month_or_the_one_that_is_named(
    service: JobService, office: Office, clock: ManualClock
) -> None:
    office.turn_to("2026-12-31 10:00")
    assert (await _run(service, clock))["month"] == "2026-11"
    assert list((await _run(service, clock, month="2026-10"))["drafted"]) == ["acme"]


@pytest.mark.parametrize(
    ("tenant", "params", "error"),
    [
        (DEPLOYMENT, {"month": "2026-13"}, InvalidReport),
        (DEPLOYMENT, {"months": "2026-11"}, InvalidJob),
        ("acme", {}, UnknownJobKind),
    ],
)
async def test_what_is_refused(
    service: JobService, tenant: str, params: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await service.submit(tenant, "invoices.draft", params)
