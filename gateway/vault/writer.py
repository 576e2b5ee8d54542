"""Writes what conversations have learned, many requests in one transaction.

A request hands over its conversation and goes on to the model; where another process may serve
the next turn, it waits for the commit before its answer ends. What could not be written stays
with the conversation for its next turn.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.tasks import cancel
from gateway.vault.conversations import Held
from gateway.vault.keys import TenantKeys
from gateway.vault.repository import VaultRepository
from gateway.vault.sealing import Draft, draft, seal_entry, subject_key
from guardrails.pii.masking.memory import Remembered

_MOST_AT_ONCE = 64
_PAUSE = 32  # values sealed before others get the event loop
_STOP_TIMEOUT_S = 10.0
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
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


async def _bit_by_bit(function: Callable[[_Item], _Made], items: Sequence[_Item]) -> list[_Made]:
    """``function`` of each: sealing some hundred values takes milliseconds, and streams wait."""
    made: list[_Made] = []
    for start in range(0, len(items), _PAUSE):
        if start:
            await asyncio.sleep(0)
        made += map(function, items[start : start + _PAUSE])
    return made


class VaultWriter:
    """One per process.

    Args:
        ttl: how long a conversation lives after its latest turn.
        gather_s: how long news gather for a transaction, where nobody waits for it.
        on_changed_keys: told the tenant whose keys were changed meanwhile.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        ttl: timedelta,
        gather_s: float = 0.0,
        on_failure: Callable[[str, Exception], None],
        on_changed_keys: Callable[[str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ttl = ttl
        self._gather_s = gather_s
        self._hurry = asyncio.Event()
        self._on_failure = on_failure
        self._on_changed_keys = on_changed_keys
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="vault-writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        self._hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._jobs.join()
        await cancel(self._task)

    def write(self, held: Held) -> "asyncio.Future[bool]":
        """Take over what is new; the future tells whether it was written."""
        job = _Job(held)
        self._jobs.put_nowait(job)
        return job.done

    async def _run(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            if self._gather_s and self._jobs.qsize() < _MOST_AT_ONCE:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_s):
                        await self._hurry.wait()
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
        by_keys: dict[TenantKeys, list[_Job]] = defaultdict(list)
        for job in jobs:
            by_keys[job.held.keys].append(job)
        try:
            async with self._database.transaction() as session:
                for keys, own in by_keys.items():
                    await self._write(session, keys, own)
        except FAILURES as error:
            self._on_failure("write", error)
            return False
        for job in jobs:
            job.finish(True)
        return True

    async def _write(self, session: AsyncSession, keys: TenantKeys, jobs: list[_Job]) -> None:
        now = self._clock.now()
        repository = VaultRepository(session, keys.tenant)
        tenant = await repository.tenant(lock=True)
        if tenant is None or tenant.generation != keys.generation:
            # Something was erased since: what this process remembers may be just that.
            self._on_changed_keys(keys.tenant)
            return
        conversations = {job.held.id for job in jobs}
        await repository.drop_expired(conversations, now)
        await repository.keep_conversations(conversations, now, now + self._ttl)
        await repository.keep_users((user, job.held.id) for job in jobs for user in job.held.users)
        messages = {digest: job.held.id for job in jobs for digest in job.messages}
        await repository.keep_messages(messages)
        entries = [(job.held.id, entry) for job in jobs for entry in job.entries]
        drafts = await _bit_by_bit(lambda item: draft(keys, *item), entries)
        if not drafts:
            return
        subjects = await self._subject_keys(repository, keys, drafts)
        sealed = await _bit_by_bit(
            lambda item: seal_entry(keys, subjects[item.subject], item), drafts
        )
        rows = {
            (item.conversation, item.slot): {
                "conversation": item.conversation,
                "slot": item.slot,
                "subject": item.subject,
                "sealed": text,
                "created_at": now,
            }
            for item, text in zip(drafts, sealed, strict=True)
        }
        taken = rows.keys() - await repository.add_entries([rows[key] for key in sorted(rows)])
        for job in jobs:
            # Two replicas served the conversation at once: the one that was first has the slot.
            job.held.stale |= any(conversation == job.held.id for conversation, _ in taken)

    async def _subject_keys(
        self, repository: VaultRepository, keys: TenantKeys, drafts: list[Draft]
    ) -> dict[str, bytes]:
        subjects = list({item.subject for item in drafts})
        stored = await repository.subjects(subjects)
        made = await _bit_by_bit(lambda subject: subject_key(keys, subject, stored), subjects)
        plain = {subject: key for subject, (key, _) in zip(subjects, made, strict=True)}
        fresh = {
            subject: wrapped
            for subject, (_, wrapped) in zip(subjects, made, strict=True)
            if wrapped is not None
        }
        taken = fresh.keys() - await repository.add_subjects(fresh, self._clock.now())
        if taken:
            stored = await repository.subjects(taken)
            plain |= {subject: keys.unwrap(subject, key) for subject, key in stored.items()}
        return plain
