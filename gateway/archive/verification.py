"""Whether stored bodies are those that the audit records name.

A body that was changed, swapped, taken away or slipped in is a finding; one that has expired, or
that an erasure with a valid statement has removed, is none.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.models import AuditBody
from gateway.archive.repository import ArchiveRepository
from gateway.audit.diagnosis import Damage, Findings
from gateway.audit.filters import holds as contains
from gateway.audit.models import AuditRecord
from gateway.audit.signing import read_successions
from gateway.audit.succession import Trust
from gateway.audit.verify import VerifyReport
from gateway.retention.models import AuditErasure
from gateway.retention.statements import ErasureStatement

NEEDLE = '"bodies":[{'
LOST = "lost"
_PAGE = 500
_SKEW = timedelta(minutes=1)  # between clocks of replicas


@dataclass(frozen=True, slots=True)
class _Removals:
    """What answers for bodies that are gone: valid statements, and when keys were changed."""

    erasures: Mapping[str, ErasureStatement]
    key_changes: Sequence[datetime]
    now: datetime

    def answer_for(self, row: AuditBody, record: Mapping[str, Any], joined: datetime) -> bool:
        """Whether the removal that ``row`` names can have happened to the request's body."""
        started = datetime.fromisoformat(record["started_at"]) - _SKEW
        if row.removed_by == LOST:  # keys changed while it was on its way into the database
            return any(started <= at <= joined + _SKEW for at in self.key_changes)
        statement = self.erasures.get(row.removed_by or "")
        if statement is None or record.get("user") != statement.owner:
            return False
        return started <= datetime.fromisoformat(statement.time)


async def verify_bodies(
    session: AsyncSession, tenant: str, trust: Trust, findings: Findings, now: datetime
) -> int:
    """Compare records and bodies of one tenant; how many bodies records name."""
    removals = await _read_removals(session, tenant, trust, now)
    archive = ArchiveRepository(session, tenant)
    count, low = 0, 0
    while True:
        query = (
            select(AuditRecord.seq, AuditRecord.request_id, AuditRecord.body, AuditRecord.time)
            .where(AuditRecord.tenant == tenant, AuditRecord.seq > low)
            .where(contains(AuditRecord.body, literal(NEEDLE)))
            .order_by(AuditRecord.seq)
            .limit(_PAGE)
        )
        page = (await session.execute(query)).all()
        if not page:
            break
        rows = await archive.bodies_in([stored.request_id for stored in page])
        bodies = {(row.request_id, row.part): row for row in rows}
        for stored in page:
            record = _read(stored.body)
            for said in _named(record):
                count += 1
                row = bodies.pop((stored.request_id, str(said.get("part"))), None)
                if problem := _problem(said, row, record, stored.time, removals):
                    findings.add(*problem, stored.seq)
        for row in bodies.values():
            message = f"a {row.part} is stored that the record of its request does not name"
            findings.add(Damage.INSERTED, message)
        low = page[-1].seq
    await _strangers(session, tenant, findings)
    return count


def _read(body: str) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except ValueError:
        return {}  # the chain's verification says so
    return record if isinstance(record, dict) else {}


def _named(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a record says of its bodies, but for those that could not be sealed."""
    yield from (
        said for said in record.get("bodies", []) if isinstance(said, dict) and said.get("digest")
    )


def _problem(
    said: dict[str, Any],
    row: AuditBody | None,
    record: dict[str, Any],
    joined: datetime,
    removals: _Removals,
) -> tuple[Damage, str] | None:
    part = said.get("part")
    if row is not None and row.sealed is not None:
        same = hashlib.sha256(row.sealed).hexdigest() == said["digest"]
        return None if same else (Damage.EDITED, f"its stored {part} was changed")
    if datetime.fromisoformat(said["until"]) <= removals.now:
        return None
    if row is not None and removals.answer_for(row, record, joined):
        return None
    return Damage.DELETED, f"its stored {part} is missing before its time"


async def _strangers(session: AsyncSession, tenant: str, findings: Findings) -> None:
    """Bodies of requests that no record is there of."""
    record = exists().where(
        AuditRecord.tenant == AuditBody.tenant, AuditRecord.request_id == AuditBody.request_id
    )
    query = select(AuditBody.request_id).where(AuditBody.tenant == tenant, ~record).distinct()
    for request_id in await session.scalars(query.limit(100)):
        findings.add(Damage.INSERTED, f"a body is stored of {request_id}, which has no record")


async def _read_removals(
    session: AsyncSession, tenant: str, trust: Trust, now: datetime
) -> _Removals:
    rows = await session.scalars(select(AuditErasure).where(AuditErasure.tenant == tenant))
    statements = [ErasureStatement.from_row(row) for row in rows]
    valid = [item for item in statements if trust.accepts(item.public_key) and item.holds()]
    changes = select(AuditRecord.time).where(
        AuditRecord.tenant == tenant,
        AuditRecord.kind == "admin",
        contains(AuditRecord.body, literal('"action":"vault.erase')),
    )
    times = [datetime.fromisoformat(item.time) for item in valid]
    return _Removals(
        {item.id: item for item in valid}, [*times, *await session.scalars(changes)], now
    )


async def with_bodies(
    session: AsyncSession,
    reports: Sequence[VerifyReport],
    public_keys: Collection[str],
    now: datetime,
) -> list[VerifyReport]:
    """Reports on chains, with what is wrong with the bodies that their records name."""
    trust = Trust(public_keys, await read_successions(session))
    completed = []
    for report in reports:
        findings = Findings(list(report.findings), report.findings_total)
        if report.tenant is not None:
            await verify_bodies(session, report.tenant, trust, findings, now)
        completed.append(
            replace(
                report,
                ok=not findings.total,
                findings=tuple(findings.items),
                findings_total=findings.total,
            )
        )
    return completed
