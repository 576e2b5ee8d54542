"""Upstreams that administrators set, with audit records, in force at once.

Records hold digests of definitions; a definition holds no secret.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import Actor
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.admin.upstreams.schemas import (
    Upstream,
    UpstreamCreate,
    UpstreamList,
    UpstreamTest,
    UpstreamUpdate,
    UpstreamVerdict,
)
from gateway.tenants.errors import NotFound
from gateway.upstreams import Deployed
from gateway.upstreams.desk import State
from gateway.upstreams.errors import UpstreamChanged, UpstreamInFile
from gateway.upstreams.models import StoredUpstream
from gateway.upstreams.service import UpstreamService

_ANSWERS = "A server of this upstream answers."
_SILENT = (
    "No server of this upstream answers. Check the address, the key's variable, and whether"
    " egress allows the network."
)


async def list_upstreams(services: AdminServices) -> UpstreamList:
    desk = services.upstreams
    async with services.database.session() as session:
        rows = await _stored(services, session).all()
    of_file = [each for each in desk.gate.values() if each.origin == "file"]
    zones = desk.sovereignty.zones
    return UpstreamList(
        items=[*map(_of_file, of_file), *(_view(services, row) for row in rows)],
        home_zones=None if zones is None else sorted(zones),
    )


async def get_upstream(services: AdminServices, name: str) -> Upstream:
    deployed = services.upstreams.gate.get(name)
    if deployed is not None and deployed.origin == "file":
        return _of_file(deployed)
    async with services.database.session() as session:
        return _view(services, await _stored(services, session).get(name))


async def create_upstream(services: AdminServices, actor: Actor, body: UpstreamCreate) -> Upstream:
    async with services.database.transaction() as session:
        row = await _stored(services, session).create(body.definition)
        await record(
            services,
            session,
            actor,
            action="upstream.create",
            target=row.name,
            after=row.definition,
            reason=body.reason,
        )
    await services.upstreams.refresh()
    return _view(services, row)


async def update_upstream(
    services: AdminServices, actor: Actor, name: str, body: UpstreamUpdate
) -> Upstream:
    async with services.database.transaction() as session:
        rows = _stored(services, session)
        row = await _lock(services, rows, name)
        before = row.definition
        await rows.update(row, body.version, body.definition)
        await record(
            services,
            session,
            actor,
            action="upstream.update",
            target=name,
            before=before,
            after=row.definition,
            reason=body.reason,
        )
    await services.upstreams.refresh()
    return _view(services, row)


async def delete_upstream(
    services: AdminServices, actor: Actor, name: str, version: int | None
) -> None:
    async with services.database.transaction() as session:
        rows = _stored(services, session)
        row = await _lock(services, rows, name)
        if version is not None and row.version != version:
            raise UpstreamChanged
        before = row.definition
        await rows.delete(row)
        await record(services, session, actor, action="upstream.delete", target=name, before=before)
    await services.upstreams.refresh()


async def check_upstream(services: AdminServices, body: UpstreamTest) -> UpstreamVerdict:
    answers = await services.upstreams.probe.answers(body.definition)
    return UpstreamVerdict(answers=answers, detail=_ANSWERS if answers else _SILENT)


def _stored(services: AdminServices, session: AsyncSession) -> UpstreamService:
    return UpstreamService(session, services.clock, services.upstreams.rules)


async def _lock(services: AdminServices, rows: UpstreamService, name: str) -> StoredUpstream:
    """A shadowed one may be changed or deleted; one that is in the file alone may not."""
    try:
        return await rows.lock(name)
    except NotFound:
        if services.upstreams.rules.is_in_file(name):
            raise UpstreamInFile from None
        raise


def _of_file(deployed: Deployed) -> Upstream:
    """Without addresses and names of variables, as in ``system``."""
    settings = deployed.settings
    return Upstream(
        name=settings.name,
        kind=settings.kind,
        zone=settings.zone,
        models=settings.models,
        origin="file",
        state="serving",
        healthy=deployed.health.healthy,
        detail=deployed.detail,
        version=None,
        definition=None,
        created_at=None,
        updated_at=None,
    )


def _view(services: AdminServices, row: StoredUpstream) -> Upstream:
    state = services.upstreams.states.get(row.name, State.REFUSED)
    deployed = services.upstreams.gate.get(row.name) if state is State.SERVING else None
    definition = row.definition
    return Upstream.model_validate(
        {
            "name": row.name,
            "kind": definition["kind"],
            "zone": row.zone,
            "models": definition["models"],
            "origin": "database",
            "state": state.value,
            "healthy": None if deployed is None else deployed.health.healthy,
            "detail": None if deployed is None else deployed.detail,
            "version": row.version,
            "definition": definition,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )
