"""``rollups.verify``: roll-ups, usage records, entries, accounts and balances agree."""

from typing import Any

from billing.errors import LedgerMismatch
from billing.jobs.tasks import JobContext
from billing.ledger.check import run_check
from core.database import Database

_SHOWN = 100  # problems that a job's result holds; `sovgate billing check` shows all


async def verify_rollups(database: Database, context: JobContext) -> dict[str, Any]:
    """Run the ledger's check.

    Raises:
        LedgerMismatch: something disagrees; ``problems`` are sentences.
    """
    report = await run_check(database)
    if not report.ok:
        raise LedgerMismatch(
            f"The ledger has {len(report.problems)} problems. Stop billing and run "
            "`sovgate billing check`.",
            problems=report.problems[:_SHOWN],
        )
    return {"balances": len(report.budgets), "problems": []}
