"""Where a tenant's chain begins once retention has removed its oldest records.

What was removed ends at a checkpoint, and a signed statement takes its place: how far, the last
hash, and the frontier of the Merkle tree over it, from which the chain, later checkpoints and
proofs of what is left go on. Only records that verify are removed: damage is never cleared away.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import isoformat
from gateway.audit.checkpoint import GENESIS
from gateway.audit.diagnosis import ChainWalker, Findings
from gateway.audit.errors import ChainDamaged
from gateway.audit.keys import SigningKey
from gateway.audit.merkle import Frontier
from gateway.audit.models import AuditCheckpoint, AuditPruning, AuditRecord
from gateway.audit.rows import read_row
from gateway.audit.signing import read_checkpoint, read_frontier, read_successions
from gateway.audit.statement import SignedStatement
from gateway.audit.succession import Trust

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Pruned:
    """Records 1 to ``last_seq`` are gone, as a valid statement says."""

    last_seq: int
    last_hash: str
    frontier: Frontier  # of the Merkle tree over them


@dataclass(frozen=True, slots=True)
class Pruning(SignedStatement):
    """The statement."""

    TYPE = "sovgate.audit.pruning.v1"

    tenant: str
    last_seq: int
    last_hash: str
    frontier: str  # peaks, 64 hex digits each, the largest subtree first
    time: str
    reason: str
    key_id: str
    public_key: str
    signature: str

    @classmethod
    def from_row(cls, row: AuditPruning) -> "Pruning":
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**values, "time": isoformat(row.time)})

    def beneath(self, tree: Frontier, first: int, end: int) -> Frontier:
        """``tree``, over leaves from ``first`` on, with the removed ones before ``end`` that it
        lacks: those of the perfect subtrees that the statement holds the roots of."""
        whole = self.pruned()
        if whole is None:
            return tree
        start, count, peaks = 0, tree.count, list(tree.peaks)
        sizes = [1 << bit for bit in reversed(range(self.last_seq.bit_length()))
                 if self.last_seq >> bit & 1]  # fmt: skip
        for size, peak in zip(sizes, whole.frontier.peaks, strict=True):
            if start == first + count and start + size <= end:
                count, peaks = count + size, [*peaks, peak]
            start += size
        return Frontier(count, peaks) if count.bit_count() == len(peaks) else tree

    def pruned(self) -> Pruned | None:
        """None if the frontier is none of a tree of ``last_seq`` leaves."""
        try:
            peaks = bytes.fromhex(self.frontier)
            tree = Frontier(self.last_seq, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
        except ValueError:
            return None
        return Pruned(self.last_seq, self.last_hash, tree)


async def read_pruned(session: AsyncSession, tenant: str, trust: Trust) -> Pruned | None:
    """The newest statement that a trusted key has signed; None if nothing was removed."""
    newest = await newest_pruning(session, tenant)
    if newest is None or not trust.accepts(newest.public_key) or not newest.holds():
        return None  # then records are missing that no statement answers for
    return newest.pruned()


async def newest_pruning(session: AsyncSession, tenant: str) -> Pruning | None:
    query = select(AuditPruning).where(AuditPruning.tenant == tenant)
    row = await session.scalar(query.order_by(AuditPruning.last_seq.desc()).limit(1))
    return None if row is None else Pruning.from_row(row)


async def checkpoint_up_to(session: AsyncSession, tenant: str, seq: int) -> AuditCheckpoint | None:
    """The newest checkpoint of records up to ``seq`` from whose tree the chain can go on."""
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.tenant == tenant,
        AuditCheckpoint.seq <= seq,
        AuditCheckpoint.peaks.is_not(None),
    )
    return await session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))


async def prune(
    session: AsyncSession,
    tenant: str,
    checkpoint: AuditCheckpoint,
    key: SigningKey,
    now: datetime,
    reason: str,
) -> Pruning:
    """Remove the records that a checkpoint covers and leave the statement.

    Raises:
        ChainDamaged: they do not verify; nothing is removed.
    """
    trust = Trust([key.public_key], await read_successions(session))
    frontier = await _verified(session, tenant, checkpoint, trust)
    statement = Pruning.signed_by(
        key,
        tenant=tenant,
        last_seq=checkpoint.seq,
        last_hash=checkpoint.hash,
        frontier=b"".join(frontier.peaks).hex(),
        time=isoformat(now),
        reason=reason,
    )
    values = {name: getattr(statement, name) for name in statement.__dataclass_fields__}
    session.add(AuditPruning(**{**values, "time": now}))
    await session.execute(
        delete(AuditRecord)
        .where(AuditRecord.tenant == tenant, AuditRecord.seq <= checkpoint.seq)
        .execution_options(synchronize_session=False)
    )
    await session.flush()
    return statement


async def first_seq(session: AsyncSession, tenant: str) -> int | None:
    """The oldest record that is there."""
    query = select(func.min(AuditRecord.seq)).where(AuditRecord.tenant == tenant)
    return await session.scalar(query)


async def _verified(
    session: AsyncSession, tenant: str, checkpoint: AuditCheckpoint, trust: Trust
) -> Frontier:
    """The tree at the checkpoint, after a walk over all that it covers and is there."""
    begun = await read_pruned(session, tenant, trust)
    findings = Findings()
    walker = ChainWalker(findings)
    if begun is not None:
        walker.begin(begun.last_seq, begun.last_hash, begun.frontier)
    low = walker.last_seq + 1
    while low <= checkpoint.seq:
        query = (
            select(*AuditRecord.__table__.columns)
            .where(AuditRecord.tenant == tenant)
            .where(AuditRecord.seq.between(low, min(low + _PAGE - 1, checkpoint.seq)))
            .order_by(AuditRecord.seq)
        )
        page = (await session.execute(query)).all()
        if not page:
            break
        for stored in page:
            walker.feed(read_row(stored))
        low = page[-1].seq + 1
    walker.finish()
    frontier = read_frontier(checkpoint)
    starts = begun is not None or (walker.first_seq, walker.first_prev_hash) == (1, GENESIS)
    if (
        findings.total
        or not starts
        or frontier is None
        or not trust.accepts(checkpoint.public_key)  # or a stranger's chain would become ours
        or not read_checkpoint(checkpoint).holds()
        or (walker.last_seq, walker.last_hash) != (checkpoint.seq, checkpoint.hash)
        or walker.frontier.root() != frontier.root()
    ):
        raise ChainDamaged(
            f"The chain of tenant {tenant} does not verify up to record {checkpoint.seq}, so "
            "nothing of it is removed; run `sovgate audit verify`."
        )
    return frontier
