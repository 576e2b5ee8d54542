"""The SQL of recognizers; every query takes the tenant's scope. Knows no rules."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.recognizers.models import TenantRecognizer


class Stamp(NamedTuple):
    """Tells whether a row is still the one that was read."""

    id: str
    version: int


class RecognizerRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def all(self) -> Sequence[TenantRecognizer]:
        query = select(TenantRecognizer).where(TenantRecognizer.tenant == self._tenant)
        return (await self._session.scalars(query.order_by(TenantRecognizer.name))).all()

    async def stamps(self) -> frozenset[Stamp]:
        """Which rows there are, in which versions."""
        query = select(TenantRecognizer.id, TenantRecognizer.version).where(
            TenantRecognizer.tenant == self._tenant
        )
        return frozenset(Stamp(*row) for row in await self._session.execute(query))

    async def count(self) -> int:
        query = select(func.count()).where(TenantRecognizer.tenant == self._tenant)
        return await self._session.scalar(query) or 0

    async def get(self, recognizer_id: str) -> TenantRecognizer | None:
        return (await self._session.scalars(self._one(recognizer_id))).one_or_none()

    async def lock(self, recognizer_id: str) -> TenantRecognizer | None:
        """The row, held against other writers until the transaction ends."""
        query = self._one(recognizer_id).with_for_update()
        return (await self._session.scalars(query)).one_or_none()

    async def by_name(self, name: str) -> TenantRecognizer | None:
        query = select(TenantRecognizer).where(
            TenantRecognizer.tenant == self._tenant, TenantRecognizer.name == name
        )
        return (await self._session.scalars(query)).one_or_none()

    async def add(self, row: TenantRecognizer) -> None:
        self._session.add(row)
        await self._session.flush()

    async def delete(self, recognizer_id: str) -> None:
        await self._session.execute(
            delete(TenantRecognizer).where(
                TenantRecognizer.tenant == self._tenant, TenantRecognizer.id == recognizer_id
            )
        )

    def _one(self, recognizer_id: str) -> Select[TenantRecognizer]:
        return select(TenantRecognizer).where(
            TenantRecognizer.tenant == self._tenant, TenantRecognizer.id == recognizer_id
        )
