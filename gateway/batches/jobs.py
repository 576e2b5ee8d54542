"""The kinds ``batch`` and ``batches.upkeep``: a batch's turns, and what nobody else tidies up."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from billing import JobContext, TaskRegistry
from billing.errors import InvalidJob
from billing.jobs.execution import CANCELLED
from billing.jobs.tasks import Continues
from core.database import Database
from gateway.batches.asking import LineAsker, local_url
from gateway.batches.desk import KIND, enqueue_run
from gateway.batches.repository import BatchRepository, delete_ended, left_behind
from gateway.batches.run import BatchTurn, Bounds
from gateway.files import FileStore
from gateway.idempotency.repository import delete_expired
from gateway.identity import load_pepper
from gateway.settings import Settings
from gateway.tenants.passes import line_pass
from gateway.vault.startup import load_master

UPKEEP = "batches.upkeep"
_PASS_LIFE = timedelta(hours=2)  # longer than a turn and the lines under way at its end


class BatchWork:
    """Both tasks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidJob``."""
        if set(params) != {"batch"}:
            raise InvalidJob("A batch is started by POST /v1/batches.", param="params")

    async def run(self, database: Database, context: JobContext) -> Mapping[str, Any] | Continues:
        """One turn."""
        turn = await self._turn(database, context)
        if turn is None:
            return {"status": "gone"}
        if turn.batch.status == "validating":
            await turn.validate()
        await context.progress(turn.share)
        if turn.batch.status == "in_progress" and not turn.is_over:
            await self._ask(database, context, turn)
        if turn.batch.status == "cancelling":
            await turn.finish("cancelled")
        elif turn.batch.status in {"in_progress", "finalizing"}:
            done = await turn.is_done()
            if not (done or turn.is_over):
                return Continues(turn.share)
            await turn.finish("completed" if done else "expired")
        return {"batch": turn.batch.id, "status": turn.batch.status}

    async def keep(self, database: Database, context: JobContext) -> Mapping[str, int]:
        """Remove what has expired; let batches go on whose job has ended without them."""
        files = self._files(database, context)
        kept = timedelta(days=self._settings.files.retention_days)
        removed = await files.remove_due()
        async with database.transaction() as session:
            now = context.clock.now()
            keys = await delete_expired(session, now)
            batches = await delete_ended(session, now - kept)
            resumed = 0
            for batch, job in await left_behind(session):
                if job is not None and job.error_code == CANCELLED:
                    batch.status, batch.cancelling_at = "cancelling", now
                batch.job_id = await enqueue_run(session, files, batch)
                resumed += 1
        return {"files": removed, "batches": batches, "keys": keys, "resumed": resumed}

    async def _turn(self, database: Database, context: JobContext) -> BatchTurn | None:
        files = self._files(database, context)
        async with database.session() as session:
            batch = await BatchRepository(session, context.tenant).get(context.params["batch"])
            if batch is None:
                return None
            key = await files.keys.open(session, context.tenant, batch.id, batch.data_key)
        settings = self._settings
        bounds = Bounds(
            lines=settings.batches.max_lines,
            line_bytes=settings.server.max_body_bytes,
            parallel=settings.batches.parallel,
            turn_s=settings.batches.turn_s,
        )
        return BatchTurn(files, batch, key, bounds)

    async def _ask(self, database: Database, context: JobContext, turn: BatchTurn) -> None:
        async with database.session() as session:
            found = await BatchRepository(session, context.tenant).key_hash(turn.batch.key_id)
        pepper = load_pepper(self._settings)
        # A key that is gone has no digest; its lines get the gateway's own answer, 401.
        key_pass = line_pass(pepper, found or "0" * 64, context.clock.now() + _PASS_LIFE)
        batches, server = self._settings.batches, self._settings.server
        url = batches.gateway_url or local_url(server.host, server.port)
        asker = LineAsker(url, turn.batch.endpoint, key_pass, batches.parallel)
        try:
            await turn.ask_lines(asker)
        finally:
            await asker.close()

    def _files(self, database: Database, context: JobContext) -> FileStore:
        master = load_master(self._settings)
        return FileStore(database, context.clock, master, self._settings.files)


def register_batches(tasks: TaskRegistry, work: BatchWork) -> None:
    """Add the kinds."""
    tasks.register(KIND, work.run, check=work.check)
    tasks.register(UPKEEP, work.keep, deployment=True)
