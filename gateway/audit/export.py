"""Export of a tenant's records as jsonl, csv or parquet, with a signed end.

Reads page by page, so memory stays bounded, and checks the chain on the way:
what does not verify is exported all the same but never signed, since a
signature would turn tampering into evidence. It needs no running gateway.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, SystemClock
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Finding, Findings, Row
from gateway.audit.formats import Format, open_writer
from gateway.audit.keys import Signer, SigningKey
from gateway.audit.models import AuditCheckpoint, AuditRecord
from gateway.audit.rows import read_row
from gateway.audit.signing import read_successions
from gateway.audit.succession import Succession, Trust

PAGE = 1000


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written; ``checkpoint`` is None if nothing was, or if it does not verify."""

    tenant: str
    records: int
    first_seq: int | None
    last_seq: int | None
    checkpoint: Checkpoint | None
    findings: tuple[Finding, ...]


async def export(
    session: AsyncSession,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    format: Format,
    out: BinaryIO,
    *,
    key: Signer,
    clock: Clock | None = None,
) -> ExportResult:
    """Write the records that joined the chain in ``start <= time < end``.

    They are always one unbroken run of the chain, and the last one carries a
    ``checkpoint`` over exactly this run.
    """
    bounds = await _bounds(session, tenant, start, end)
    findings = Findings()
    walker = ChainWalker(findings)
    writer = open_writer(format, out)
    held: Row | None = None
    checkpoint = None
    successions: Sequence[Succession] = ()
    if bounds is not None:
        async for row in _rows(session, tenant, *bounds):
            walker.feed(row)
            if held is not None:
                writer.write(held.members or {})
            held = row
        walker.finish()
        successions = await read_successions(session)
        trust = Trust([key.current().public_key], successions)
        await _compare_checkpoints(session, tenant, bounds, trust, findings)
    if held is not None:
        members = dict(held.members or {})
        if not findings.total:
            checkpoint = _sign(walker, key.current(), clock or SystemClock(), successions)
            members["checkpoint"] = checkpoint.to_dict()
        writer.write(members)
    writer.close()
    return ExportResult(
        tenant, walker.count, *(bounds or (None, None)), checkpoint, tuple(findings.items)
    )


def _sign(
    walker: ChainWalker, key: SigningKey, clock: Clock, successions: Sequence[Succession]
) -> Checkpoint:
    assert walker.tenant is not None
    assert walker.first_seq is not None
    assert walker.last_hash is not None
    return Checkpoint.sign(
        key,
        tenant=walker.tenant,
        first_seq=walker.first_seq,
        last_seq=walker.last_seq,
        first_prev_hash=walker.first_prev_hash,
        last_hash=walker.last_hash,
        root=walker.frontier.root().hex(),
        time=clock.now(),
        successions=successions,
    )


async def _bounds(
    session: AsyncSession, tenant: str, start: datetime | None, end: datetime | None
) -> tuple[int, int] | None:
    query = select(func.min(AuditRecord.seq), func.max(AuditRecord.seq))
    query = query.where(AuditRecord.tenant == tenant)
    if start is not None:
        query = query.where(AuditRecord.time >= start)
    if end is not None:
        query = query.where(AuditRecord.time < end)
    low, high = (await session.execute(query)).one()
    return None if low is None else (low, high)


async def _rows(session: AsyncSession, tenant: str, low: int, high: int) -> AsyncIterator[Row]:
    while low <= high:
        query = (
            select(*AuditRecord.__table__.columns)
            .where(AuditRecord.tenant == tenant, AuditRecord.seq >= low, AuditRecord.seq <= high)
            .order_by(AuditRecord.seq)
            .limit(PAGE)
        )
        page: Any = (await session.execute(query)).all()
        if not page:
            return
        for stored in page:
            yield read_row(stored)
        low = page[-1].seq + 1


async def _compare_checkpoints(
    session: AsyncSession,
    tenant: str,
    bounds: tuple[int, int],
    trust: Trust,
    findings: Findings,
) -> None:
    """What this key and those before it have signed must still be what the chain says."""
    query = (
        select(AuditCheckpoint.seq, AuditCheckpoint.hash, AuditRecord.hash)
        .outerjoin(
            AuditRecord,
            (AuditRecord.tenant == AuditCheckpoint.tenant)
            & (AuditRecord.seq == AuditCheckpoint.seq),
        )
        .where(
            AuditCheckpoint.tenant == tenant,
            AuditCheckpoint.seq.between(*bounds),
            AuditCheckpoint.public_key.in_(trust.keys),
        )
    )
    for seq, signed, found in await session.execute(query):
        if signed != found:
            findings.add(
                Damage.FORGED, f"record {seq} is not the one that a checkpoint has signed", seq
            )
