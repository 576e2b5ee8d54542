"""Whether stored bodies are those that the audit records name.

A body that was changed, swapped, taken away or slipped in is a finding; one that has expired, or
that an erasure with a valid statement has removed, is none.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
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
_PAGE = 500


async def verify_bodies(
    session: AsyncSession, tenant: str, trust: Trust, findings: Findings, now: datetime
) -> int:
    """Compare records and bodies of one tenant; how many bodies records name."""
    erasures = await _valid_erasures(session, tenant, trust)
    archive = ArchiveRepository(session, tenant)
    count, low = 0, 0
    while True:
        query = (
            select(AuditRecord.seq, AuditRecord.request_id, AuditRecord.body)
            .where(AuditRecord.tenant == tenant, AuditRecord.seq > low)
            .where(contains(AuditRecord.body, literal(NEEDLE)))
            .order_by(AuditRecord.seq)
            .limit(_PAGE)
        )
        page = (await session.execute(query)).all()
        if not page:
            break
        rows = await archive.bodies_in([record.request_id for record in page])
        stored = {(row.request_id, row.part): row for row in rows}
        for record in page:
            for said in _named(record.body):
                count += 1
                row = stored.pop((record.request_id, str(said.get("part"))), None)
                if problem := _problem(said, row, erasures, now):
                    findings.add(*problem, record.seq)
        for row in stored.values():
            message = f"a {row.part} is stored that the record of its request does not name"
            findings.add(Damage.INSERTED, message)
        low = page[-1].seq
    await _strangers(session, tenant, findings)
    return count


def _named(body: str) -> Iterator[dict[str, Any]]:
    """What a record says of its bodies, but for those that could not be sealed."""
    try:
        bodies = json.loads(body).get("bodies", [])
    except ValueError:
        return  # the chain's verification says so
    yield from (said for said in bodies if isinstance(said, dict) and said.get("digest"))


def _problem(
    said: dict[str, Any], row: AuditBody | None, erasures: Collection[str], now: datetime
) -> tuple[Damage, str] | None:
    part = said.get("part")
    if row is not None and row.sealed is not None:
        same = hashlib.sha256(row.sealed).hexdigest() == said["digest"]
        return None if same else (Damage.EDITED, f"its stored {part} was changed")
    if row is not None and row.removed_by in ("lost", *erasures):
        return None
    if datetime.fromisoformat(said["until"]) <= now:
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


async def _valid_erasures(session: AsyncSession, tenant: str, trust: Trust) -> set[str]:
    rows = await session.scalars(select(AuditErasure).where(AuditErasure.tenant == tenant))
    statements = [ErasureStatement.from_row(row) for row in rows]
    return {item.id for item in statements if trust.accepts(item.public_key) and item.holds()}


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
