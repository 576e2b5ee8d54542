"""``sovgate job``: run a job in the command's own process, look at it, retry and cancel it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Update, select, update
from typer.testing import CliRunner

from billing.models import Job
from core.database import Database
from core.errors import SovgateError
from gateway.audit.models import AuditRecord
from gateway.cli import app

SPAN = ("--param", "from=2026-11-01", "--param", "to=2026-12-01")


class Sovgate:
    """Runs commands against one deployment."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.database_url = database_url
        self.config = directory / "sovgate.yaml"
        content = {"database": {"url": database_url}, "data_dir": str(directory / "data")}
        self.config.write_text(json.dumps(content))

    def __call__(self, *arguments: str, status: int = 0) -> Any:
        command = [*arguments, "--config", str(self.config), "--json"]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == status, (result.output, result.exception)
        return json.loads(result.stdout)

    def error(self, *arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--config", str(self.config)])
        assert isinstance(result.exception, SovgateError)
        return result.exception.code

    def sql(self, statement: Any) -> list[Any]:
        async def run() -> list[Any]:
            database = Database(self.database_url)
            try:
                async with database.transaction() as session:
                    if isinstance(statement, Update):
                        await session.execute(statement)
                        return []
                    return list(await session.scalars(statement))
            finally:
                await database.dispose()

        return asyncio.run(run())


@pytest.fixture
def sovgate(tmp_path: Path, database_url: str) -> Sovgate:
    return Sovgate(tmp_path, database_url)


def test_a_job_of_the_deployment(sovgate: Sovgate) -> None:
    job = sovgate("job", "run", "rollups.verify")
    assert (job["tenant"], job["status"], job["progress"]) == ("@system", "done", 100)
    assert job["result"] == {"balances": 0, "problems": []}
    assert sovgate("job", "show", job["id"]) == job
    assert [row["id"] for row in sovgate("job", "list")] == [job["id"]]
    assert sovgate("job", "list", "--kind", "retention") == []
    (record,) = sovgate.sql(select(AuditRecord).where(AuditRecord.tenant == "_system"))
    body = json.loads(record.body)
    assert (body["action"], body["actor"], body["target"]) == ("job.start", "cli", job["id"])


def test_an_export_of_a_tenant(sovgate: Sovgate, tmp_path: Path) -> None:
    assert sovgate.error("job", "run", "usage", "--tenant", "acme", *SPAN) == "not_found"
    sovgate("tenant", "create", "acme")
    job = sovgate("job", "run", "usage", "--tenant", "acme", *SPAN)
    assert (tmp_path / "data" / "exports" / "acme" / job["file_name"]).is_file()
    assert sovgate("job", "list") == []
    assert [row["id"] for row in sovgate("job", "list", "--tenant", "acme")] == [job["id"]]
    assert sovgate.error("job", "show", job["id"]) == "unknown_job"


def test_queue_cancel_retry(sovgate: Sovgate) -> None:
    job = sovgate("job", "run", "retention", "--queue")
    assert job["status"] == "queued"
    cancelled = sovgate("job", "cancel", job["id"])
    assert (cancelled["status"], cancelled["error_code"]) == ("failed", "job_cancelled")
    assert sovgate.error("job", "cancel", job["id"]) == "job_state_conflict"
    assert sovgate("job", "retry", job["id"], "--queue")["status"] == "queued"
    assert sovgate.error("job", "retry", job["id"]) == "job_state_conflict"


def test_a_failure_is_the_commands_status(sovgate: Sovgate) -> None:
    job = sovgate("job", "run", "retention", "--queue")
    sovgate.sql(update(Job).values(kind="rust", status="failed"))
    failed = sovgate("job", "retry", job["id"], status=1)
    assert (failed["status"], failed["error_code"]) == ("failed", "unknown_job_kind")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "dance"), "unknown_job_kind"),
        (("run", "usage"), "unknown_job_kind"),
        (("run", "retention", "--param", "days"), "invalid_request"),
        (("run", "retention", "--param", "days=0"), "invalid_job"),
        (("show", "job_0"), "unknown_job"),
    ],
)
def test_what_is_refused(sovgate: Sovgate, arguments: tuple[str, ...], code: str) -> None:
    assert sovgate.error("job", *arguments) == code


def test_for_people(sovgate: Sovgate) -> None:
    job = sovgate("job", "run", "retention")
    shown = CliRunner().invoke(app, ["job", "show", job["id"], "--config", str(sovgate.config)])
    assert "kind: retention\n" in shown.stdout
    assert "error_code" not in shown.stdout
    listed = CliRunner().invoke(app, ["job", "list", "--config", str(sovgate.config)])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", job["id"]]
