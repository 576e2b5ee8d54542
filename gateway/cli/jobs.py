"""``sovgate job``: what runs in the background, and running it by hand."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.options import ConfigOption, JsonOption, ReasonOption, print_json, print_table
from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from billing import JobService
    from billing.models import Job
    from core.database import Database

job_app = typer.Typer(help="Exports, checks, retention, alerts, drafts.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", help="Whose; default: the whole deployment's.")
]
_COLUMNS = ("id", "kind", "status", "progress", "attempts", "created_at", "error_code")
_Result = TypeVar("_Result")


@job_app.command("list")
def list_jobs(
    tenant: TenantOption = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """The newest jobs and how far they are."""
    from billing import job_to_json

    async def use(service: "JobService", _: "Database") -> list[dict[str, Any]]:
        jobs = await service.list(_scope(tenant), kinds=None if kind is None else [kind])
        return [job_to_json(job) for job in jobs]

    rows = _with_service(config, use)
    if as_json:
        print_json(rows)
    else:
        print_table([{name: row[name] for name in _COLUMNS} for row in rows])


@job_app.command("show")
def show(
    job_id: JobId,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """One job: its parameters, progress, result or error."""

    async def use(service: "JobService", _: "Database") -> "Job":
        return await service.get(_scope(tenant), job_id)

    _print(_with_service(config, use), as_json)


@job_app.command("run")
def run(
    kind: Annotated[str, typer.Argument(help="Such as rollups.verify, retention, usage.")],
    tenant: TenantOption = None,
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, as the kind takes it; repeatable.")
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it to the gateway or the workers.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run a job in this process and show what came of it; status 1 unless it is done."""
    params = dict(_param(text) for text in param or [])
    also = _recorded("job.start", config, reason, {"kind": kind} | params)

    async def use(service: "JobService", database: "Database") -> "Job":
        await _check_exists(database, tenant)
        job = await service.submit(_scope(tenant), kind, params, also=also)
        return job if queue else await _finish(service, job)

    _print(_with_service(config, use, tasks=True), as_json, must_be_done=not queue)


@job_app.command("retry")
def retry(
    job_id: JobId,
    tenant: TenantOption = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it to the gateway or the workers.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run a failed job again."""
    also = _recorded("job.retry", config, reason)

    async def use(service: "JobService", _: "Database") -> "Job":
        job = await service.retry(_scope(tenant), job_id, also=also)
        return job if queue else await _finish(service, job)

    _print(_with_service(config, use, tasks=True), as_json, must_be_done=not queue)


@job_app.command("cancel")
def cancel(
    job_id: JobId,
    tenant: TenantOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Give up a job that is still queued."""
    also = _recorded("job.cancel", config, reason)

    async def use(service: "JobService", _: "Database") -> "Job":
        return await service.cancel(_scope(tenant), job_id, also=also)

    _print(_with_service(config, use), as_json)


class _NoRunner:
    """Tells nobody: whoever runs jobs looks at the table by itself."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ring(self, job_id: str) -> None: ...


async def _finish(service: "JobService", job: "Job") -> "Job":
    """Run the job here, or wait for who was quicker."""
    from billing.jobs.execution import run_job

    with redirect_stdout(sys.stderr):  # what it logs
        await run_job(service.settings, service.tasks, job.id, service.settings.runner)
    found = await service.get(job.tenant, job.id)
    while found.status == "running":
        await asyncio.sleep(0.5)
        found = await service.get(job.tenant, job.id)
    return found


async def _check_exists(database: "Database", tenant: str | None) -> None:
    from gateway.tenants.errors import NotFound
    from gateway.tenants.repository import TenantRepository

    if tenant is None:
        return
    async with database.session() as session:
        if await TenantRepository(session).get(tenant) is None:
            raise NotFound("tenant", param="tenant")


def _with_service(
    config: Path | None,
    use: "Callable[[JobService, Database], Awaitable[_Result]]",
    *,
    tasks: bool = False,
) -> _Result:
    from billing import JobService, TaskRegistry
    from core.clock import SystemClock
    from core.database import Database
    from gateway.audit import KeyFile
    from gateway.invoicing import invoice_terms
    from gateway.jobs import job_settings, job_tasks
    from gateway.reports import Reports
    from gateway.retention.rules import RetentionRules
    from gateway.settings import load_settings

    settings, clock = load_settings(config), SystemClock()
    registry = TaskRegistry()
    if tasks:
        key = KeyFile(settings.audit.signing_key_file, settings.data_dir)
        reports = Reports.of(settings, clock)
        terms, rules = invoice_terms(settings, clock), RetentionRules.of(settings)
        policies = settings.policies
        registry = job_tasks(key, clock, terms, reports, rules=rules, policies=policies)
    runner = f"cli-{os.uname().nodename}-{os.getpid()}"

    async def run() -> _Result:
        database = Database(settings.database.url, pool_size=2)
        try:
            service = JobService(
                database, clock, job_settings(settings, runner), registry, _NoRunner()
            )
            return await use(service, database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def _recorded(
    action: str, config: Path | None, reason: str | None, after: dict[str, Any] | None = None
) -> Any:
    """An audit record of the command line, in the transaction of the change."""
    from billing import DEPLOYMENT
    from gateway.audit import append_admin
    from gateway.audit.reasons import of_command
    from gateway.settings import load_settings

    masked = of_command(reason, required=load_settings(config).audit.require_reason)

    async def also(session: Any, job: "Job") -> None:
        await append_admin(
            session,
            tenant=None if job.tenant == DEPLOYMENT else job.tenant,
            actor="cli",
            method="cli",
            action=action,
            target=job.id,
            after=after,
            reason=masked,
        )

    return also


def _scope(tenant: str | None) -> str:
    from billing import DEPLOYMENT

    return DEPLOYMENT if tenant is None else tenant


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidRequest("--param must look like month=2026-11.", param="param")
    return name, value


def _print(job: "Job", as_json: bool, *, must_be_done: bool = False) -> None:
    from billing import job_to_json

    body = job_to_json(job)
    if as_json:
        print_json(body)
    else:
        for name, value in body.items():
            if value is not None:
                print(f"{name}: {value}")
    if must_be_done and job.status != "done":
        raise typer.Exit(1)
