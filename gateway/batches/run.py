"""One turn of one batch: check its file, ask its lines, write its results.

What is done stands in the database line by line, so that any worker can go on where another one
was killed: a line with an answer is never asked again, one without is asked at most twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from core.tasks import cancel
from gateway.batches.asking import Answer, LineAsker
from gateway.batches.models import Batch, BatchLine
from gateway.batches.reading import parse_line, read_lines
from gateway.batches.repository import BatchRepository
from gateway.batches.results import (
    EXPIRED,
    INTERRUPTED,
    RESULT,
    UNASKED,
    answered,
    failed,
    unasked_lines,
)
from gateway.files import FileReader, FileScope, FileStore, FileWriter
from gateway.files.errors import FileNotFound
from gateway.files.sealing import ObjectKey

MOST_ATTEMPTS = 2
OUTPUT = "batch_output"
_PAGE = 100
_ROWS = 500
_LOOK_S = 0.5  # how soon a cancellation is noticed


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a batch may take."""

    lines: int
    line_bytes: int
    parallel: int
    turn_s: float


@dataclass(slots=True)
class BatchTurn:
    """Works on one batch until it ends or its turn is over."""

    files: FileStore
    batch: Batch
    key: ObjectKey
    bounds: Bounds
    _stop: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def scope(self) -> FileScope:
        return FileScope(self.batch.tenant, self.batch.project_id, self.batch.key_id)

    @property
    def share(self) -> int:
        """Percent of the lines that have an answer."""
        done = self.batch.completed + self.batch.failed
        return 100 * done // self.batch.total if self.batch.total else 0

    @property
    def is_over(self) -> bool:
        """Whether its window is."""
        return self.files.clock.now() >= self.batch.expires_at

    async def validate(self) -> None:
        """Find the lines; with problems in them the batch has failed, and nothing is asked."""
        try:
            reader = await self._reader()
            rows, problems = await read_lines(
                reader,
                self.batch.endpoint,
                most_lines=self.bounds.lines,
                most_bytes=self.bounds.line_bytes,
            )
        except FileNotFound as error:
            rows, problems = [], [{"code": error.code, "message": error.message, "line": None}]
        now = self.files.clock.now()
        async with self.files.database.transaction() as session:
            repository = BatchRepository(session, self.batch.tenant)
            if problems:
                values = {"status": "failed", "problems": problems, "ended_at": now}
            else:
                values = {"status": "in_progress", "total": len(rows), "in_progress_at": now}
            if await repository.move(self.batch.id, ("validating",), **values) and not problems:
                for start in range(0, len(rows), _ROWS):
                    await repository.add_lines(self.batch.id, rows[start : start + _ROWS])
        await self.refresh()

    async def ask_lines(self, asker: LineAsker) -> None:
        """Ask lines until none is left, or the batch or this turn must stop."""
        reader = await self._reader()
        watch = asyncio.create_task(self._watch())
        running: set[asyncio.Task[None]] = set()
        try:
            async for line in self._waiting():
                if len(running) >= self.bounds.parallel:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                if self._stop.is_set():
                    break
                running.add(asyncio.create_task(self._line(line, reader, asker)))
            await asyncio.gather(*running)
        finally:
            for task in running:
                await cancel(task)
            await cancel(watch)
        await self.refresh()

    async def is_done(self) -> bool:
        """Whether every line has an answer."""
        async with self.files.database.session() as session:
            repository = BatchRepository(session, self.batch.tenant)
            return not await repository.waiting(self.batch.id, 0, 1)

    async def finish(self, status: str) -> None:
        """Write the results, and end the batch with this status."""
        now = self.files.clock.now()
        async with self.files.database.transaction() as session:
            await BatchRepository(session, self.batch.tenant).move(
                self.batch.id, ("in_progress",), status="finalizing", finalizing_at=now
            )
        writers: dict[str, FileWriter] = {}
        try:
            unasked = await self._write(writers, UNASKED.get(status, EXPIRED))
            for writer in writers.values():
                await writer.flush()
            await self._end(status, writers, unasked)
        except BaseException:
            for writer in writers.values():
                await writer.drop()
            raise
        await self.refresh()

    async def refresh(self) -> None:
        """The batch as it stands now."""
        async with self.files.database.session() as session:
            found = await BatchRepository(session, self.batch.tenant).get(self.batch.id)
        if found is not None:
            self.batch = found

    async def _reader(self) -> FileReader:
        return await self.files.reader(self.scope, self.batch.input_file_id, expired_too=True)

    async def _watch(self) -> None:
        """Stop where the batch was cancelled, has expired or had its turn."""
        ends = self.files.clock.monotonic() + self.bounds.turn_s
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.refresh()
            late = self.files.clock.monotonic() >= ends
            if self.is_over or late or self.batch.status != "in_progress":
                self._stop.set()
                return

    async def _waiting(self) -> AsyncIterator[BatchLine]:
        last = 0
        while not self._stop.is_set():
            async with self.files.database.session() as session:
                repository = BatchRepository(session, self.batch.tenant)
                lines = await repository.waiting(self.batch.id, last, _PAGE)
            if not lines:
                return
            for line in lines:
                yield line
            last = lines[-1].number

    async def _line(self, line: BatchLine, reader: FileReader, asker: LineAsker) -> None:
        request = parse_line(await reader.read(line.start, line.length), self.batch.endpoint)
        attempts = line.attempts
        while attempts < MOST_ATTEMPTS:
            if self.is_over:
                return
            await self._count(line, 1)
            attempts += 1
            outcome = await asker.ask(request.body, f"{self.batch.id}-{line.number}")
            if isinstance(outcome, Answer):
                text = answered(self.batch, line, request.custom_id, outcome)
                await self._keep(line, text, succeeded=outcome.status < 400)
                return
            if outcome.how == "refused":
                await self._count(line, -1)
                attempts -= 1
            if await self._told_to_stop(outcome.wait_s):
                return
        text = failed(self.batch, line, request.custom_id, INTERRUPTED)
        await self._keep(line, text, succeeded=False)

    async def _told_to_stop(self, wait_s: float) -> bool:
        """Wait, but no longer than there is a point in it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), wait_s)
        return self._stop.is_set()

    async def _count(self, line: BatchLine, by: int) -> None:
        async with self.files.database.transaction() as session:
            repository = BatchRepository(session, self.batch.tenant)
            await repository.count_attempt(self.batch.id, line.number, by)

    async def _keep(self, line: BatchLine, text: bytes, *, succeeded: bool) -> None:
        sealed = self.key.seal(text, RESULT, line.number)
        async with self.files.database.transaction() as session:
            repository = BatchRepository(session, self.batch.tenant)
            await repository.answer(self.batch.id, line.number, sealed, succeeded=succeeded)

    async def _write(self, writers: dict[str, FileWriter], unasked: tuple[str, str]) -> int:
        """Write all lines to one of the two files; how many were never asked."""
        last, left_over = 0, 0
        reader: FileReader | None = None
        while lines := await self._lines(last):
            for line in lines:
                if line.sealed is not None:
                    text = self.key.open(line.sealed, RESULT, line.number)
                else:
                    reader = reader or await self._reader()
                    raw = await reader.read(line.start, line.length)
                    custom_id = parse_line(raw, self.batch.endpoint).custom_id
                    text = failed(self.batch, line, custom_id, unasked)
                    left_over += 1
                kind = "output" if line.succeeded else "error"
                if kind not in writers:
                    name = f"{self.batch.id}_{kind}.jsonl"
                    writers[kind] = await self.files.create(self.scope, name=name, bounded=False)
                await writers[kind].write(text + b"\n")
            last = lines[-1].number
        return left_over

    async def _lines(self, after: int) -> list[BatchLine]:
        async with self.files.database.session() as session:
            repository = BatchRepository(session, self.batch.tenant)
            return await repository.lines(self.batch.id, after, _PAGE)

    async def _end(self, status: str, writers: dict[str, FileWriter], unasked: int) -> None:
        batch, seconds = self.batch, self.batch.output_expires_s
        lifetime = None if seconds is None else timedelta(seconds=seconds)
        async with self.files.database.transaction() as session:
            repository = BatchRepository(session, batch.tenant)
            await repository.move(
                batch.id,
                ("finalizing", "cancelling"),
                status=status,
                ended_at=self.files.clock.now(),
                failed=Batch.failed + unasked,
                problems=unasked_lines(status, unasked),
                output_file_id=writers["output"].file_id if "output" in writers else None,
                error_file_id=writers["error"].file_id if "error" in writers else None,
            )
            await repository.drop_lines(batch.id)
            for writer in writers.values():
                await writer.finish(session, OUTPUT, lifetime)
