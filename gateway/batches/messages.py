"""Message Batches as their owners use them: batches of ``/v1/messages`` in Anthropic's shapes.

The requests are kept as an input file and worked through like those of every other batch; only
the ids tell them apart, so that each API shows its own.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import JobService
from core.clock import isoformat
from core.ids import new_id
from gateway.batches.desk import facts, find, queue, stop
from gateway.batches.errors import BatchesDisabled, BatchStateConflict
from gateway.batches.message_lines import ENDPOINT, input_lines, joined, result_line
from gateway.batches.models import Batch
from gateway.batches.repository import OPEN, BatchRepository
from gateway.files import FileReader, FileScope, FileStore
from gateway.files.repository import FileRepository
from gateway.files.sealing import ObjectKey
from gateway.files.store import CHUNK, record
from gateway.files.store import facts as file_facts
from gateway.settings import BatchSettings

PREFIX = "msgbatch"
_WINDOW = "24h"
_AT_ONCE = 64 * 1024


class MessageBatchDesk:
    """One per gateway process."""

    def __init__(self, files: FileStore, jobs: JobService, settings: BatchSettings) -> None:
        self._files = files
        self._jobs = jobs
        self._settings = settings

    async def create(self, scope: FileScope, raw: bytes) -> dict[str, Any]:
        """Queue the requests of a body; what is wrong with their params is told in the results.

        Raises:
            BatchesDisabled, InvalidBatch, MalformedJson, FileStorageFull
        """
        if not self._settings.enabled:
            raise BatchesDisabled("This deployment takes no batches; send requests one by one.")
        lines = await asyncio.to_thread(input_lines, raw, self._settings.max_lines)
        key = ObjectKey.new(scope.tenant, new_id(PREFIX))
        writer = await self._files.create(scope, name=f"{key.object_id}.jsonl")
        try:
            for piece in joined(lines, CHUNK):
                await writer.write(piece)
            await writer.flush()
            row = {
                "endpoint": ENDPOINT,
                "completion_window": _WINDOW,
                "input_file_id": writer.file_id,
                "total": len(lines),
            }
            async with self._files.database.transaction() as session:
                await writer.finish(session, "batch")
                job_id = await queue(session, self._files, scope, key, row)
        except BaseException:
            await writer.drop()
            raise
        await self._jobs.ring(job_id)
        return await self.get(scope, key.object_id)

    async def get(self, scope: FileScope, batch_id: str) -> dict[str, Any]:
        """Raises ``BatchNotFound``, also for another project's."""
        async with self._files.database.session() as session:
            return view(await find(session, scope, PREFIX, batch_id))

    async def page(
        self, scope: FileScope, limit: int, *, after: str | None, before: str | None
    ) -> tuple[list[dict[str, Any]], bool]:
        """The newest first, and whether there are more in that direction.

        Raises:
            BatchNotFound: ``after`` or ``before`` names none.
        """
        async with self._files.database.session() as session:
            ends = [
                None if end is None else await find(session, scope, PREFIX, end)
                for end in (after, before)
            ]
            found = await BatchRepository(session, scope.tenant).page(
                scope.project_id, PREFIX, limit, after=ends[0], before=ends[1]
            )
        more = len(found) > limit
        # Of those before one, the nearest are the last.
        page = found[-limit:] if before is not None else found[:limit]
        return [view(batch) for batch in page], more

    async def cancel(self, scope: FileScope, batch_id: str) -> dict[str, Any]:
        """Ask for no more requests; those under way still get their answers.

        Raises:
            BatchNotFound
            BatchStateConflict: it has ended.
        """
        async with self._files.database.transaction() as session:
            await stop(session, self._files, scope, await find(session, scope, PREFIX, batch_id))
        return await self.get(scope, batch_id)

    async def delete(self, scope: FileScope, batch_id: str) -> None:
        """Destroy a batch with its requests and results, and record who did.

        Raises:
            BatchNotFound
            BatchStateConflict: it has not ended.
        """
        async with self._files.database.transaction() as session:
            batch = await self._ended(session, scope, batch_id)
            for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
                if file_id is not None:
                    await self._drop_file(session, scope, file_id)
            await BatchRepository(session, scope.tenant).delete(batch)
            clock, before = self._files.clock, facts(batch)
            await record(session, clock, scope, "batch.delete", batch.id, before=before)

    async def results(self, scope: FileScope, batch_id: str) -> AsyncIterator[bytes]:
        """The result lines of a batch, in pieces.

        Raises:
            BatchNotFound
            BatchStateConflict: it has not ended.
            FileNotFound: they are not kept any more.
        """
        async with self._files.database.session() as session:
            batch = await self._ended(session, scope, batch_id)
        readers = [
            await self._files.reader(scope, file_id)
            for file_id in (batch.output_file_id, batch.error_file_id)
            if file_id is not None
        ]
        return _result_pieces(readers)

    async def _ended(self, session: AsyncSession, scope: FileScope, batch_id: str) -> Batch:
        batch = await find(session, scope, PREFIX, batch_id)
        if batch.status in OPEN:
            raise BatchStateConflict("The batch has not ended; wait for it, or cancel it.")
        return batch

    async def _drop_file(self, session: AsyncSession, scope: FileScope, file_id: str) -> None:
        repository, clock = FileRepository(session, scope.tenant), self._files.clock
        file = await repository.find(scope.project_id, file_id, clock.now())
        # Its owner may have deleted it, or begun another batch with it.
        if file is not None and not await repository.in_use(file_id):
            await repository.delete(file)
            before = file_facts(file)
            await record(session, clock, scope, "file.delete", file_id, before=before)


async def _result_pieces(readers: list[FileReader]) -> AsyncIterator[bytes]:
    piece = bytearray()
    for reader in readers:
        async for _, line in reader.lines():
            piece += result_line(line) + b"\n"
            if len(piece) >= _AT_ONCE:
                yield bytes(piece)
                piece.clear()
    yield bytes(piece)


def view(batch: Batch) -> dict[str, Any]:
    """Anthropic's message batch."""
    ended = batch.status not in OPEN
    status = "canceling" if batch.status == "cancelling" else "in_progress"
    # A path, which SDKs resolve against their own base URL, whatever stands before the gateway.
    results = f"/v1/messages/batches/{batch.id}/results" if ended else None
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else status,
        "request_counts": _counts(batch, ended=ended),
        "created_at": isoformat(batch.created_at),
        "expires_at": isoformat(batch.expires_at),
        "ended_at": _instant(batch.ended_at if ended else None),
        "cancel_initiated_at": _instant(batch.cancelling_at),
        "archived_at": None,
        "results_url": results,
    }


def _counts(batch: Batch, *, ended: bool) -> dict[str, int]:
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    if not ended:
        return counts | {"processing": batch.total}
    if batch.status == "failed":
        return counts | {"errored": batch.total}
    unasked = sum(problem["count"] for problem in batch.problems or () if "count" in problem)
    kind = "canceled" if batch.status == "cancelled" else "expired"
    answered = {"succeeded": batch.completed, "errored": batch.failed - unasked}
    return counts | answered | {kind: unasked}


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else isoformat(instant)
