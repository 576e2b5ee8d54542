"""``invoice``: a stored invoice as a file, in the background."""

import pytest
from pypdf import PdfReader

from billing import JobService, JobSettings, TaskRegistry
from billing.errors import InvalidInvoice, InvalidJob
from billing.jobs.execution import run_job
from billing.jobs.invoice_files import InvoiceFiles
from core.clock import ManualClock
from core.database import Database
from tests.billing.invoices.conftest import Office, book


@pytest.fixture
async def office(database: Database, clock: ManualClock) -> Office:
    office = Office(database, clock, book({"input": "2", "output": "8"}))
    await office.profile()
    await office.use("2026-10-31 23:59", input_tokens=1_000_000)
    await office.issue("2026-10")
    return office


@pytest.fixture
def service(
    office: Office, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> JobService:
    files = InvoiceFiles()
    tasks.register("invoice", files, check=files.check)
    return JobService(office.database, clock, settings, tasks)


async def test_the_file_of_an_invoice(service: JobService, clock: ManualClock) -> None:
    job = await service.submit("acme", "invoice", {"invoice": "INV-2026-000001"})
    await run_job(service.settings, service.tasks, job.id, "test", clock)
    path = await service.file("acme", job.id)
    assert path.suffix == ".pdf"
    assert "INV-2026-000001" in PdfReader(path).pages[0].extract_text()


async def test_an_invoice_of_another_tenant_fails(service: JobService, clock: ManualClock) -> None:
    job = await service.submit("globex", "invoice", {"invoice": "INV-2026-000001"})
    await run_job(service.settings, service.tasks, job.id, "test", clock)
    job = await service.get("globex", job.id)
    assert (job.status, job.error_code) == ("failed", "unknown_invoice")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, InvalidJob),
        ({"invoice": "INV-2026-000001", "month": "2026-10"}, InvalidJob),
        ({"invoice": "INV-2026-000001", "format": "docx"}, InvalidInvoice),
        ({"invoice": "INV-2026-000001", "table": "secrets"}, InvalidInvoice),
    ],
)
async def test_what_is_refused(
    service: JobService, params: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await service.submit("acme", "invoice", params)
