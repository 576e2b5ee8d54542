"""Stored upstreams in the caller's transaction: the admin API and the command line share it."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from gateway.tenants.errors import AlreadyExists, NotFound
from gateway.upstreams.definition import DefinitionRules, UpstreamSpec
from gateway.upstreams.errors import UpstreamChanged, UpstreamDefinitionError
from gateway.upstreams.models import StoredUpstream
from gateway.upstreams.repository import UpstreamRepository


class UpstreamService:
    def __init__(self, session: AsyncSession, clock: Clock, rules: DefinitionRules) -> None:
        self._rows = UpstreamRepository(session)
        self._session = session
        self._clock = clock
        self._rules = rules

    async def all(self) -> Sequence[StoredUpstream]:
        return await self._rows.all()

    async def get(self, name: str) -> StoredUpstream:
        """Raises: NotFound."""
        return _found(await self._rows.get(name))

    async def create(self, spec: UpstreamSpec) -> StoredUpstream:
        """Raises: AlreadyExists; what ``DefinitionRules.check`` raises."""
        self._rules.check(spec)
        if await self._rows.get(spec.name) is not None:
            raise AlreadyExists("There is an upstream of this name. Choose another.", param="name")
        now = self._clock.now()
        row = StoredUpstream(
            id=new_id("ups"),
            name=spec.name,
            zone=spec.zone,
            version=1,
            definition=spec.model_dump(mode="json"),
            created_at=now,
            updated_at=now,
        )
        await self._rows.add(row)
        return row

    async def lock(self, name: str) -> StoredUpstream:
        """The upstream, held until the transaction ends. Raises: NotFound."""
        return _found(await self._rows.lock(name))

    async def update(self, row: StoredUpstream, version: int, spec: UpstreamSpec) -> None:
        """Raises: UpstreamChanged; what ``DefinitionRules.check`` raises."""
        if spec.name != row.name:
            raise UpstreamDefinitionError(
                "An upstream keeps its name, which records and reports hold.", param="name"
            )
        if row.version != version:
            raise UpstreamChanged
        self._rules.check(spec)
        row.zone, row.definition = spec.zone, spec.model_dump(mode="json")
        row.version, row.updated_at = version + 1, self._clock.now()
        await self._session.flush()

    async def delete(self, row: StoredUpstream) -> None:
        await self._rows.delete(row)


def _found(row: StoredUpstream | None) -> StoredUpstream:
    if row is None:
        raise NotFound("upstream", param="name")
    return row
