"""The SQL of streams: who works at one, how far it has come, what waits for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.models import AuditHead, AuditRecord, AuditStream, AuditStreamCursor


@dataclass(frozen=True, slots=True)
class Waiting:
    """A tenant whose chain goes on behind the cursor."""

    tenant: str
    cursor: int
    head: int

    @property
    def lag(self) -> int:
        return self.head - self.cursor


class StreamRepository:
    """One stream's rows, within the caller's transaction."""

    def __init__(self, session: AsyncSession, name: str) -> None:
        self._session = session
        self._name = name

    async def begin(self, *, past: bool) -> None:
        """Make the stream if it is new: behind the chains as they end now, or at their start."""
        new = self._insert(AuditStream).values(stream=self._name).on_conflict_do_nothing()
        made = await self._session.execute(new.returning(AuditStream.stream))
        if made.first() is None or past:
            return
        ends = select(literal(self._name), AuditHead.tenant, AuditHead.seq)
        cursors = self._insert(AuditStreamCursor).from_select(["stream", "tenant", "seq"], ends)
        await self._session.execute(cursors)

    async def hold(self, holder: str, now: datetime, until: datetime) -> bool:
        """Take the stream, or keep it, unless another has it."""
        query = (
            update(AuditStream)
            .where(AuditStream.stream == self._name)
            .where(
                or_(
                    AuditStream.holder.is_(None),
                    AuditStream.holder == holder,
                    AuditStream.held_until < now,
                )
            )
            .values(holder=holder, held_until=until)
            .returning(AuditStream.stream)
        )
        return (await self._session.execute(query)).first() is not None

    async def is_held(self, holder: str) -> bool:
        """Whether we still have it; it stays so until the transaction ends."""
        query = select(AuditStream.holder).where(AuditStream.stream == self._name)
        return await self._session.scalar(query.with_for_update()) == holder

    async def release(self, holder: str) -> None:
        query = update(AuditStream).where(
            AuditStream.stream == self._name, AuditStream.holder == holder
        )
        await self._session.execute(query.values(holder=None, held_until=None))

    async def waiting(self, tenants: Collection[str] | None) -> list[Waiting]:
        """Tenants with records behind their cursors, by name."""
        cursor = func.coalesce(AuditStreamCursor.seq, 0)
        query = (
            select(AuditHead.tenant, cursor, AuditHead.seq)
            .outerjoin(
                AuditStreamCursor,
                (AuditStreamCursor.tenant == AuditHead.tenant)
                & (AuditStreamCursor.stream == self._name),
            )
            .where(AuditHead.seq > cursor)
            .order_by(AuditHead.tenant)
        )
        if tenants is not None:
            query = query.where(AuditHead.tenant.in_(tenants))
        return [Waiting(*row) for row in await self._session.execute(query)]

    async def records(self, waiting: Waiting, limit: int) -> Sequence[Any]:
        """The next ones, in the order of the chain."""
        query = (
            select(*AuditRecord.__table__.columns)
            .where(AuditRecord.tenant == waiting.tenant)
            .where(AuditRecord.seq > waiting.cursor, AuditRecord.seq <= waiting.head)
            .order_by(AuditRecord.seq)
            .limit(limit)
        )
        return (await self._session.execute(query)).all()

    async def move(self, tenant: str, seq: int) -> None:
        """Remember that everything up to ``seq`` was delivered."""
        insert = self._insert(AuditStreamCursor).values(stream=self._name, tenant=tenant, seq=seq)
        await self._session.execute(
            insert.on_conflict_do_update(
                index_elements=["stream", "tenant"], set_={"seq": insert.excluded.seq}
            )
        )

    def _insert(self, table: Any) -> Any:
        is_sqlite = self._session.get_bind().dialect.name == "sqlite"
        return sqlite_insert(table) if is_sqlite else postgresql_insert(table)
