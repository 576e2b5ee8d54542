"""The rules of a tenant's stored recognizers, in the caller's transaction.

Knows neither HTTP nor who calls. SQL is in ``repository``.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from gateway.recognizers.errors import TooManyRecognizers, VersionConflict
from gateway.recognizers.models import TenantRecognizer
from gateway.recognizers.repository import RecognizerRepository
from gateway.recognizers.sealing import Sealer
from gateway.tenants.errors import AlreadyExists, NotFound
from guardrails.pii.custom import RecognizerSpec
from guardrails.pii.custom.definition import MAX_RECOGNIZERS


@dataclass(frozen=True, slots=True)
class StoredRecognizer:
    """A row with its definition opened."""

    id: str
    tenant: str
    version: int
    spec: RecognizerSpec
    created_at: datetime
    updated_at: datetime


class RecognizerService:
    """One tenant's recognizers in the database."""

    def __init__(self, session: AsyncSession, tenant: str, clock: Clock, sealer: Sealer) -> None:
        self._tenant = tenant
        self._clock = clock
        self._sealer = sealer
        self._rows = RecognizerRepository(session, tenant)
        self._session = session

    async def all(self) -> list[StoredRecognizer]:
        """By name. Raises: RecognizerUnreadable."""
        return [self._opened(row) for row in await self._rows.all()]

    async def get(self, recognizer_id: str) -> StoredRecognizer:
        """Raises: NotFound, RecognizerUnreadable."""
        return self._opened(_found(await self._rows.get(recognizer_id)))

    async def create(self, spec: RecognizerSpec) -> StoredRecognizer:
        """Store a definition that was checked.

        Raises:
            AlreadyExists: the name is taken.
            TooManyRecognizers: the tenant has as many as it may.
        """
        await self._check_name(spec.name)
        if await self._rows.count() >= MAX_RECOGNIZERS:
            raise TooManyRecognizers(MAX_RECOGNIZERS)
        now = self._clock.now()
        recognizer_id = new_id("rec")
        row = TenantRecognizer(
            id=recognizer_id,
            tenant=self._tenant,
            name=spec.name,
            entity=spec.entity,
            version=1,
            sealed=self._sealer.seal(self._tenant, recognizer_id, spec),
            created_at=now,
            updated_at=now,
        )
        await self._rows.add(row)
        return self._opened(row)

    async def replace(
        self, recognizer_id: str, version: int, spec: RecognizerSpec
    ) -> tuple[StoredRecognizer, StoredRecognizer]:
        """Store another definition in place of one; what was and what is.

        Raises:
            NotFound: no such recognizer of this tenant.
            VersionConflict: somebody else changed it since ``version`` was read.
            AlreadyExists: another one has the name.
        """
        row = _found(await self._rows.lock(recognizer_id))
        _check_version(row, version)
        before = self._opened(row)
        if spec.name != row.name:
            await self._check_name(spec.name)
        row.name, row.entity = spec.name, spec.entity
        row.sealed = self._sealer.seal(self._tenant, recognizer_id, spec)
        row.version += 1
        row.updated_at = self._clock.now()
        await self._session.flush()
        return before, self._opened(row)

    async def delete(self, recognizer_id: str, version: int | None = None) -> StoredRecognizer:
        """What was deleted.

        Raises:
            NotFound: no such recognizer of this tenant.
            VersionConflict: it has another version than the one given.
        """
        row = _found(await self._rows.lock(recognizer_id))
        if version is not None:
            _check_version(row, version)
        before = self._opened(row)
        await self._rows.delete(recognizer_id)
        return before

    async def _check_name(self, name: str) -> None:
        if await self._rows.by_name(name) is not None:
            raise AlreadyExists(
                "There is a recognizer of this name. Choose another.", param="definition.name"
            )

    def _opened(self, row: TenantRecognizer) -> StoredRecognizer:
        spec = self._sealer.open(row.tenant, row.id, row.sealed)
        return StoredRecognizer(
            row.id, row.tenant, row.version, spec, row.created_at, row.updated_at
        )


def _found(row: TenantRecognizer | None) -> TenantRecognizer:
    if row is None:
        raise NotFound("recognizer", param="recognizer_id")
    return row


def _check_version(row: TenantRecognizer, version: int) -> None:
    if row.version != version:
        raise VersionConflict
