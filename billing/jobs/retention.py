"""``retention``: finished jobs, their files and alerts of ended periods go after a while.

The ledger, usage records, invoices, raises and the audit trail are never touched here.
The job of a slot that still runs stays, since its row is what keeps the slot from
being run twice.
"""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from billing.jobs import repository
from billing.jobs.schedule import Every, Schedule
from billing.jobs.tasks import JobContext
from core.database import Database

_OF_FREQUENT_KINDS = timedelta(days=1)  # a row a minute is of no use for longer


async def apply_retention(database: Database, context: JobContext) -> dict[str, Any]:
    """Delete what is older than ``settings.retention``; how much, by what it was."""
    now = context.clock.now()
    before = now - context.settings.retention
    schedule = context.settings.schedule or Schedule()
    current = [slot.key for slot in schedule.due(now)]
    frequent = [kind for kind, cadence in schedule.cadences.items() if isinstance(cadence, Every)]
    # Files first: a row without its file says so, a file without its row stays for ever.
    files = await asyncio.to_thread(_delete_files, context.settings.exports_dir, before.timestamp())
    await context.progress(50)
    async with database.transaction() as session:
        jobs = await repository.delete_finished(session, before, current)
        jobs += await repository.delete_scheduled(
            session, frequent, now - _OF_FREQUENT_KINDS, current
        )
        alerts = await repository.delete_alerts(session, before)
    return {"jobs": jobs, "files": files, "alerts": alerts}


def _delete_files(exports_dir: Path, before: float) -> int:
    """Files last written before then, half-written ones of dead runners among them."""
    count = 0
    for file in _files(exports_dir):
        if file.stat(follow_symlinks=False).st_mtime < before:
            Path(file.path).unlink(missing_ok=True)
            count += 1
    return count


def _files(exports_dir: Path) -> Iterator[os.DirEntry[str]]:
    """The regular files of the tenants' folders."""
    if not exports_dir.is_dir():
        return
    for folder in list(os.scandir(exports_dir)):
        if folder.is_dir(follow_symlinks=False):
            yield from (e for e in list(os.scandir(folder)) if e.is_file(follow_symlinks=False))
