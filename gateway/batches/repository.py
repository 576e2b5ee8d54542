"""The SQL of batches; every query takes the tenant's scope, and the project's where a client asks.

It moves sealed rows and knows no key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import Job
from gateway.batches.models import Batch, BatchLine
from gateway.tenants.models import VirtualKey
from gateway.vault.models import VaultDataKey

OPEN = ("validating", "in_progress", "finalizing", "cancelling")


class BatchRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def add(self, row: dict[str, Any], wrapped: bytes) -> Batch:
        """A batch and the data key that seals its answers."""
        batch = Batch(tenant=self._tenant, **row)
        self._session.add(batch)
        self._session.add(
            VaultDataKey(
                tenant=self._tenant,
                id=row["data_key"],
                owner=f"batch:{row['id']}",
                wrapped=wrapped,
                created_at=row["created_at"],
            )
        )
        await self._session.flush()
        return batch

    async def find(self, project_id: str, batch_id: str) -> Batch | None:
        query = select(Batch).where(
            self._own(Batch), Batch.project_id == project_id, Batch.id == batch_id
        )
        return await self._session.scalar(query.execution_options(populate_existing=True))

    async def get(self, batch_id: str) -> Batch | None:
        """For the job, which works for the tenant as a whole."""
        query = select(Batch).where(self._own(Batch), Batch.id == batch_id)
        return await self._session.scalar(query.execution_options(populate_existing=True))

    async def page(
        self,
        project_id: str,
        prefix: str,
        limit: int,
        *,
        after: Batch | None = None,
        before: Batch | None = None,
    ) -> list[Batch]:
        """Those whose ids begin so, the newest first, after one or right before one; one more
        than ``limit`` if there is another page."""
        query = select(Batch).where(
            self._own(Batch),
            Batch.project_id == project_id,
            Batch.id.startswith(f"{prefix}_", autoescape=True),
        )
        time, tie = Batch.created_at, Batch.id
        if after is not None:
            same = and_(time == after.created_at, tie < after.id)
            query = query.where(or_(time < after.created_at, same))
        if before is not None:
            same = and_(time == before.created_at, tie > before.id)
            query = query.where(or_(time > before.created_at, same)).order_by(time, tie)
            found = list(await self._session.scalars(query.limit(limit + 1)))
            return found[::-1]
        query = query.order_by(time.desc(), tie.desc()).limit(limit + 1)
        return list(await self._session.scalars(query))

    async def move(self, batch_id: str, statuses: Sequence[str], **values: Any) -> bool:
        """Change a batch that has one of these statuses; whether it had."""
        gone: Any = await self._session.execute(
            update(Batch)
            .where(self._own(Batch), Batch.id == batch_id, Batch.status.in_(statuses))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return gone.rowcount == 1

    async def key_hash(self, key_id: str) -> str | None:
        """The keyed digest of an API key, where it still exists."""
        query = select(VirtualKey.key_hash).where(
            VirtualKey.tenant == self._tenant, VirtualKey.id == key_id
        )
        return await self._session.scalar(query)

    async def drop_lines(self, batch_id: str) -> None:
        await self._session.execute(delete(BatchLine).where(self._lines(batch_id)))

    async def add_lines(self, batch_id: str, rows: Sequence[dict[str, Any]]) -> None:
        full = [
            {"tenant": self._tenant, "batch_id": batch_id, "attempts": 0, **row} for row in rows
        ]
        await self._session.execute(insert(BatchLine), full)

    async def waiting(self, batch_id: str, after: int, limit: int) -> list[BatchLine]:
        """Lines without an answer, in the order of the file."""
        query = (
            select(BatchLine)
            .where(self._lines(batch_id), BatchLine.sealed.is_(None), BatchLine.number > after)
            .order_by(BatchLine.number)
            .limit(limit)
        )
        return list(await self._session.scalars(query))

    async def lines(self, batch_id: str, after: int, limit: int) -> list[BatchLine]:
        query = (
            select(BatchLine)
            .where(self._lines(batch_id), BatchLine.number > after)
            .order_by(BatchLine.number)
            .limit(limit)
        )
        return list(await self._session.scalars(query))

    async def count_attempt(self, batch_id: str, number: int, by: int = 1) -> None:
        """The line is about to be asked; -1: it was not asked after all."""
        await self._session.execute(
            update(BatchLine)
            .where(self._lines(batch_id), BatchLine.number == number)
            .values(attempts=BatchLine.attempts + by)
            .execution_options(synchronize_session=False)
        )

    async def answer(self, batch_id: str, number: int, sealed: bytes, *, succeeded: bool) -> None:
        """Keep a line's answer and count it; one that has an answer keeps that."""
        done: Any = await self._session.execute(
            update(BatchLine)
            .where(self._lines(batch_id), BatchLine.number == number, BatchLine.sealed.is_(None))
            .values(sealed=sealed, succeeded=succeeded)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount == 1:
            counter = Batch.completed if succeeded else Batch.failed
            await self._session.execute(
                update(Batch)
                .where(self._own(Batch), Batch.id == batch_id)
                .values({counter: counter + 1})
                .execution_options(synchronize_session=False)
            )

    async def delete(self, batch: Batch) -> None:
        """A batch that has ended, and the key that sealed its answers."""
        await self._session.execute(
            delete(VaultDataKey).where(
                VaultDataKey.tenant == self._tenant, VaultDataKey.id == batch.data_key
            )
        )
        await self._session.execute(delete(Batch).where(self._own(Batch), Batch.id == batch.id))

    async def delete_all(self) -> int:
        """Everything of the tenant; how many batches."""
        await self._session.execute(delete(BatchLine).where(self._own(BatchLine)))
        gone: Any = await self._session.execute(delete(Batch).where(self._own(Batch)))
        return max(gone.rowcount, 0)

    def _own(self, table: Any) -> ColumnElement[bool]:
        return table.tenant == self._tenant

    def _lines(self, batch_id: str) -> ColumnElement[bool]:
        return and_(self._own(BatchLine), BatchLine.batch_id == batch_id)


async def left_behind(session: AsyncSession) -> list[tuple[Batch, Job | None]]:
    """Of all tenants: open batches whose job has ended or is gone."""
    query = (
        select(Batch, Job)
        .outerjoin(Job, and_(Job.id == Batch.job_id, Job.tenant == Batch.tenant))
        .where(Batch.status.in_(OPEN), or_(Job.id.is_(None), Job.status.in_(("failed", "done"))))
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def delete_ended(session: AsyncSession, before: datetime) -> int:
    """Of all tenants: batches that ended before then, and their keys; how many."""
    old = and_(Batch.status.not_in(OPEN), Batch.ended_at < before)
    keys = exists().where(
        old, Batch.tenant == VaultDataKey.tenant, Batch.data_key == VaultDataKey.id
    )
    await session.execute(
        delete(VaultDataKey).where(keys).execution_options(synchronize_session=False)
    )
    gone: Any = await session.execute(delete(Batch).where(old))
    return max(gone.rowcount, 0)
