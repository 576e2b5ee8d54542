"""The SQL of idempotency keys; every query takes the tenant's scope and the API key's.

It moves sealed answers and knows no key.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.idempotency.models import IdempotencyKey

RUNNING, DONE, DROPPED = "running", "done", "dropped"


class IdempotencyRepository:
    def __init__(self, session: AsyncSession, tenant: str, key_id: str) -> None:
        self._session = session
        self._tenant = tenant
        self._key_id = key_id

    async def claim(
        self, name: str, request: str, *, holder: str, now: datetime, held_until: datetime,
        expires: datetime,
    ) -> bool:  # fmt: skip
        """Take a name that is new, has expired, or whose holder was killed; whether it is ours."""
        make = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        values = {
            "request": request,
            "status": RUNNING,
            "holder": holder,
            "held_until": held_until,
            "generation": None,
            "answer": None,
            "created_at": now,
            "expires_at": expires,
        }
        statement = make.insert(IdempotencyKey).values(
            tenant=self._tenant, key_id=self._key_id, name=name, **values
        )
        table = IdempotencyKey
        orphan = and_(table.status == RUNNING, table.held_until < now, table.request == request)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "key_id", "name"],
            set_=values,
            where=or_(table.expires_at <= now, orphan),
        )
        return await self._session.scalar(statement.returning(IdempotencyKey.name)) is not None

    async def find(self, name: str) -> IdempotencyKey | None:
        return await self._session.get(
            IdempotencyKey, (self._tenant, self._key_id, name), populate_existing=True
        )

    async def keep(self, name: str, holder: str, values: dict[str, Any]) -> None:
        """What came of a request that ``holder`` served."""
        await self._session.execute(
            update(IdempotencyKey)
            .where(self._own(name, holder))
            .values(holder=None, **values)
            .execution_options(synchronize_session=False)
        )

    async def free(self, name: str, holder: str) -> None:
        """Nothing came of it: the next one may try."""
        await self._session.execute(delete(IdempotencyKey).where(self._own(name, holder)))

    def _own(self, name: str, holder: str) -> Any:
        return and_(
            IdempotencyKey.tenant == self._tenant,
            IdempotencyKey.key_id == self._key_id,
            IdempotencyKey.name == name,
            IdempotencyKey.holder == holder,
            IdempotencyKey.status == RUNNING,
        )


async def renew(session: AsyncSession, holder: str, until: datetime) -> None:
    """Of all tenants: what ``holder`` serves is still being served."""
    running = and_(IdempotencyKey.holder == holder, IdempotencyKey.status == RUNNING)
    await session.execute(update(IdempotencyKey).where(running).values(held_until=until))


async def delete_expired(session: AsyncSession, now: datetime) -> int:
    """Of all tenants; how many."""
    gone: Any = await session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.expires_at <= now)
    )
    return max(gone.rowcount, 0)


async def delete_of_tenant(session: AsyncSession, tenant: str) -> None:
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.tenant == tenant))
