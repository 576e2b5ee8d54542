"""Jobs that verify chains: all of them each night, one tenant's when it is asked for.

A chain that does not verify makes the job fail with ``audit_damaged``, writes the error
``audit.damaged`` to the log, and shows in the metrics (``gateway.audit.watch``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from billing import DEPLOYMENT, JobContext, TaskRegistry
from core.database import Database
from gateway.archive.verification import with_bodies
from gateway.audit.errors import ChainDamaged
from gateway.audit.keys import PUBLIC_KEY_FILE, load_public_key
from gateway.audit.verify import VerifyReport, verify_database

VERIFY_ALL = "audit.verify"
VERIFY_ONE = "audit.verify_tenant"
_log = structlog.get_logger(__name__)


def register_verification(tasks: TaskRegistry) -> None:
    """Add both kinds."""
    tasks.register(VERIFY_ALL, verify_chains, deployment=True)
    tasks.register(VERIFY_ONE, verify_chains)


async def verify_chains(database: Database, context: JobContext) -> Mapping[str, Any]:
    """Verify the chains of the job's tenant, or all, with the deployment's public key.

    Returns:
        ``{"chains": [{"tenant", "ok", "records", "key_id", "summary"}]}``, by tenant.

    Raises:
        ChainDamaged: with the same as its ``result``.
    """
    tenants = None if context.tenant == DEPLOYMENT else [context.tenant]
    async with database.session() as session:
        keys = _keys(context.settings.data_dir)
        reports = await verify_database(session, tenants, keys)
        reports = await with_bodies(session, reports, keys, context.clock.now())
    result = {"chains": [_chain(report) for report in reports]}
    damaged = [report for report in reports if not report.ok]
    for report in damaged:
        _log.error("audit.damaged", tenant=report.tenant, findings=report.findings_total)
    if damaged:
        raise ChainDamaged(
            f"{len(damaged)} of {len(reports)} chains do not verify. Keep the database as it "
            "is, compare it with exports and backups, and run `sovgate audit verify`.",
            result=result,
        )
    return result


def _keys(data_dir: Path) -> list[str]:
    file = data_dir / PUBLIC_KEY_FILE
    return [load_public_key(file)] if file.exists() else []


def _chain(report: VerifyReport) -> dict[str, Any]:
    return {
        "tenant": report.tenant,
        "ok": report.ok,
        "records": report.records,
        "key_id": report.key_id,
        "summary": report.summary(),
    }
