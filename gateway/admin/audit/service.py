"""Pages of a tenant's audit chain."""

import json

from gateway.admin.audit import repository
from gateway.admin.audit.schemas import AuditPage, AuditRecord
from gateway.admin.services import AdminServices
from gateway.audit import models


async def page(services: AdminServices, tenant: str, limit: int, before: int | None) -> AuditPage:
    async with services.database.session() as session:
        rows = await repository.newest(session, tenant, limit=limit + 1, before=before)
    shown = rows[:limit]
    older = shown[-1].seq if len(rows) > limit else None
    return AuditPage(items=[_view(row) for row in shown], next_before=older)


def _view(row: models.AuditRecord) -> AuditRecord:
    return AuditRecord(
        seq=row.seq,
        request_id=row.request_id,
        kind=row.kind,
        at=row.time,
        prev_hash=row.prev_hash,
        hash=row.hash,
        body=json.loads(row.body),
    )
