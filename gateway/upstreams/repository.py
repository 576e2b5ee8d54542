"""The SQL of stored upstreams; they belong to the deployment, not to a tenant. Knows no rules."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.upstreams.models import StoredUpstream


class Stamp(NamedTuple):
    """Tells whether a row is still the one that was read."""

    id: str
    version: int


class UpstreamRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self) -> Sequence[StoredUpstream]:
        query = select(StoredUpstream).order_by(StoredUpstream.name)
        return (await self._session.scalars(query)).all()

    async def stamps(self) -> frozenset[Stamp]:
        """Which rows there are, in which versions."""
        query = select(StoredUpstream.id, StoredUpstream.version)
        return frozenset(Stamp(*row) for row in await self._session.execute(query))

    async def get(self, name: str) -> StoredUpstream | None:
        query = select(StoredUpstream).where(StoredUpstream.name == name)
        return (await self._session.scalars(query)).one_or_none()

    async def lock(self, name: str) -> StoredUpstream | None:
        """The row, held against other writers until the transaction ends."""
        query = select(StoredUpstream).where(StoredUpstream.name == name).with_for_update()
        return (await self._session.scalars(query)).one_or_none()

    async def add(self, row: StoredUpstream) -> None:
        self._session.add(row)
        await self._session.flush()

    async def delete(self, row: StoredUpstream) -> None:
        await self._session.delete(row)
        await self._session.flush()
