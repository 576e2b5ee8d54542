"""Batches as their owners use them: made, looked at, listed, cancelled."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from billing import JobService
from billing.jobs.queue import enqueue
from core.ids import new_id
from gateway.batches.errors import (
    BatchesDisabled,
    BatchNotFound,
    BatchStateConflict,
    InvalidBatch,
)
from gateway.batches.models import Batch
from gateway.batches.repository import BatchRepository
from gateway.files import FileScope, FileStore
from gateway.files.sealing import ObjectKey
from gateway.files.store import record
from gateway.settings import BatchSettings

KIND = "batch"
ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
)
WINDOWS = {"24h": timedelta(hours=24)}
PREFIX = "batch"  # of the ids of OpenAI's batches
LABELS = "labels"  # the part under which the client's metadata is sealed


class BatchDesk:
    """One per gateway process."""

    def __init__(self, files: FileStore, jobs: JobService, settings: BatchSettings) -> None:
        self._files = files
        self._jobs = jobs
        self._settings = settings

    async def create(
        self,
        scope: FileScope,
        *,
        input_file_id: str,
        endpoint: str,
        completion_window: str,
        labels: dict[str, str] | None,
        output_lifetime: timedelta | None,
    ) -> dict[str, Any]:
        """Queue a batch; what is wrong in its file is found later, by its job.

        Raises:
            BatchesDisabled, InvalidBatch, FileNotFound
        """
        if not self._settings.enabled:
            raise BatchesDisabled("This deployment takes no batches; send requests one by one.")
        file = await self._files.get(scope, input_file_id)
        if file.purpose != "batch":
            raise InvalidBatch(
                "The input file must be uploaded with purpose batch.", param="input_file_id"
            )
        key = ObjectKey.new(scope.tenant, new_id(PREFIX))
        row = {
            "endpoint": endpoint,
            "completion_window": completion_window,
            "input_file_id": input_file_id,
            "output_expires_s": _seconds(output_lifetime),
            "labels": None if labels is None else key.seal(msgspec.json.encode(labels), LABELS),
        }
        async with self._files.database.transaction() as session:
            job_id = await queue(session, self._files, scope, key, row)
        await self._jobs.ring(job_id)
        return await self.get(scope, key.object_id)

    async def get(self, scope: FileScope, batch_id: str) -> dict[str, Any]:
        """Raises ``BatchNotFound``, also for another project's."""
        async with self._files.database.session() as session:
            return await self._view(session, await self._find(session, scope, batch_id))

    async def page(
        self, scope: FileScope, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """The newest first, and whether there are more.

        Raises:
            BatchNotFound: ``after`` names none.
        """
        async with self._files.database.session() as session:
            start = None if after is None else await self._find(session, scope, after)
            found = await BatchRepository(session, scope.tenant).page(
                scope.project_id, PREFIX, limit, after=start
            )
            return [await self._view(session, batch) for batch in found[:limit]], len(found) > limit

    async def cancel(self, scope: FileScope, batch_id: str) -> dict[str, Any]:
        """Ask for no more lines; those under way still get their answers.

        Raises:
            BatchNotFound
            BatchStateConflict: it has ended, or its files are being written.
        """
        async with self._files.database.transaction() as session:
            await stop(session, self._files, scope, await self._find(session, scope, batch_id))
        return await self.get(scope, batch_id)

    async def _find(self, session: AsyncSession, scope: FileScope, batch_id: str) -> Batch:
        return await find(session, scope, PREFIX, batch_id)

    async def _view(self, session: AsyncSession, batch: Batch) -> dict[str, Any]:
        labels = None
        if batch.labels is not None:
            key = await self._files.keys.open(session, batch.tenant, batch.id, batch.data_key)
            labels = msgspec.json.decode(key.open(batch.labels, LABELS))
        return view(batch, labels)


async def queue(
    session: AsyncSession, files: FileStore, scope: FileScope, key: ObjectKey, row: dict[str, Any]
) -> str:
    """Make a batch of these columns and the job that works on it; the job's id, for its bell."""
    now = files.clock.now()
    columns = {
        "id": key.object_id,
        "project_id": scope.project_id,
        "key_id": scope.key_id,
        "data_key": key.id,
        "status": "validating",
        "total": 0,
        "completed": 0,
        "failed": 0,
        "created_at": now,
        "expires_at": now + WINDOWS[row["completion_window"]],
    }
    repository = BatchRepository(session, scope.tenant)
    batch = await repository.add(columns | row, await files.keys.wrap(session, key))
    job_id = batch.job_id = await enqueue_run(session, files, batch)
    await session.flush()
    await record(session, files.clock, scope, "batch.create", batch.id, after=facts(batch))
    return job_id


async def find(session: AsyncSession, scope: FileScope, prefix: str, batch_id: str) -> Batch:
    """Raises ``BatchNotFound``, also for another project's and another API's."""
    found = None
    if batch_id.startswith(f"{prefix}_"):
        found = await BatchRepository(session, scope.tenant).find(scope.project_id, batch_id)
    if found is None:
        raise BatchNotFound("There is no such batch in this key's project; list the batches.")
    return found


async def stop(session: AsyncSession, files: FileStore, scope: FileScope, batch: Batch) -> None:
    """Ask for no more lines, and record who did; nothing happens where that was asked before.

    Raises:
        BatchStateConflict: it has ended, or its files are being written.
    """
    before, now = facts(batch), files.clock.now()
    moved = await BatchRepository(session, scope.tenant).move(
        batch.id, ("validating", "in_progress"), status="cancelling", cancelling_at=now
    )
    if not moved and batch.status != "cancelling":
        raise BatchStateConflict(f"The batch is {batch.status}, so nothing is left to do.")
    if moved:
        after = {**before, "status": "cancelling"}
        clock = files.clock
        await record(session, clock, scope, "batch.cancel", batch.id, before=before, after=after)


async def enqueue_run(session: AsyncSession, files: FileStore, batch: Batch) -> str:
    """Queue the job that works on a batch; its id."""
    job, _ = await enqueue(session, files.clock, batch.tenant, KIND, {"batch": batch.id})
    return job.id


def facts(batch: Batch) -> dict[str, Any]:
    """What an audit record's digest covers: nothing that a person wrote."""
    names = ("id", "endpoint", "input_file_id", "completion_window", "status")
    return {name: getattr(batch, name) for name in names}


def view(batch: Batch, labels: dict[str, str] | None) -> dict[str, Any]:
    """OpenAI's batch object."""
    ended = {
        name: _time(batch.ended_at if batch.status == name else None)
        for name in ("completed", "failed", "expired", "cancelled")
    }
    problems = batch.problems if batch.status == "failed" else None
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": None if not problems else {"object": "list", "data": problems},
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": _time(batch.created_at),
        "in_progress_at": _time(batch.in_progress_at),
        "expires_at": _time(batch.expires_at),
        "finalizing_at": _time(batch.finalizing_at),
        "cancelling_at": _time(batch.cancelling_at),
        **{f"{name}_at": time for name, time in ended.items()},
        "request_counts": {
            "total": batch.total,
            "completed": batch.completed,
            "failed": batch.failed,
        },
        "metadata": labels,
    }


def _time(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
