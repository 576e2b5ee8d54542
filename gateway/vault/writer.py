"""Writes what conversations have learned, many requests in one transaction.

A request hands over its conversation and goes on to the model; before its answer ends it waits
for the commit. What could not be written stays with the conversation for its next turn.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from gateway.vault.conversations import Held
from gateway.vault.repository import VaultRepository
from gateway.vault.sealing import Draft, draft, seal_entry, subject_keys
from guardrails.pii.masking.memory import Remembered

_MOST_AT_ONCE = 64
_STOP_TIMEOUT_S = 10.0
FAILURES = (SQLAlchemyError, OSError, InvalidTag)


class _Job:
    """One conversation's news."""

    __slots__ = ("done", "entries", "held", "messages")

    def __init__(self, held: Held) -> None:
        self.held = held
        self.entries: list[Remembered] = held.memory.take_fresh()
        self.messages, held.unwritten = held.unwritten, set()
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def finish(self, written: bool) -> None:
        if not self.done.done():
            self.done.set_result(written)

    def undo(self) -> None:
        self.held.memory.give_back(self.entries)
        self.held.unwritten |= self.messages


class VaultWriter:
    """One per process.

    Args:
        ttl: how long a conversation lives after its latest turn.
        on_changed_keys: told the tenant whose keys were changed meanwhile.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        ttl: timedelta,
        on_failure: Callable[[str, Exception], None],
        on_changed_keys: Callable[[str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ttl = ttl
        self._on_failure = on_failure
        self._on_changed_keys = on_changed_keys
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="vault-writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._jobs.join()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def write(self, held: Held) -> "asyncio.Future[bool]":
        """Take over what is new; the future tells whether it was written."""
        job = _Job(held)
        self._jobs.put_nowait(job)
        return job.done

    async def _run(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            while not self._jobs.empty() and len(jobs) < _MOST_AT_ONCE:
                jobs.append(self._jobs.get_nowait())
            if not await self._commit(jobs):
                # One of them may be at fault; the others must not wait for it.
                for job in jobs:
                    if len(jobs) == 1 or not await self._commit([job]):
                        job.undo()
                        job.finish(False)
            for _ in jobs:
                self._jobs.task_done()

    async def _commit(self, jobs: list[_Job]) -> bool:
        try:
            async with self._database.transaction() as session:
                for job in jobs:
                    await self._write(session, job)
        except FAILURES as error:
            self._on_failure("write", error)
            return False
        for job in jobs:
            job.finish(True)
        return True

    async def _write(self, session: AsyncSession, job: _Job) -> None:
        held, now = job.held, self._clock.now()
        repository = VaultRepository(session, held.tenant)
        tenant = await repository.tenant(lock=True)
        if tenant is None or tenant.generation != held.keys.generation:
            # Something was erased since: what this process remembers may be just that.
            self._on_changed_keys(held.tenant)
            return
        await repository.keep_conversation(held.id, now, now + self._ttl)
        await repository.keep_messages(held.id, job.messages)
        drafts = [draft(held.keys, held.id, entry) for entry in job.entries]
        if not drafts:
            return
        keys = await self._subject_keys(repository, held, drafts)
        rows = [
            {
                "conversation": item.conversation,
                "slot": item.slot,
                "subject": item.subject,
                "sealed": seal_entry(held.keys, keys[item.subject], item),
                "created_at": now,
            }
            for item in drafts
        ]
        added = await repository.add_entries(rows)
        # Two replicas served the conversation at once: the one that was first has the number.
        held.stale |= len(added) < len({item.slot for item in drafts})

    async def _subject_keys(
        self, repository: VaultRepository, held: Held, drafts: list[Draft]
    ) -> dict[str, bytes]:
        subjects = {item.subject for item in drafts}
        keys, fresh = subject_keys(held.keys, subjects, await repository.subjects(subjects))
        if fresh:
            await repository.add_subjects(fresh, self._clock.now())
            stored = await repository.subjects(fresh)
            keys |= {subject: held.keys.unwrap(subject, key) for subject, key in stored.items()}
        return keys
