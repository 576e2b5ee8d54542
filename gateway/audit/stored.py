"""Verifies the chains in the database, page by page, against checkpoints, heads and anchors."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.anchored import AnchorCheck
from gateway.audit.anchors import AnchorBook
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Findings
from gateway.audit.merkle import TILE
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord, AuditTile
from gateway.audit.pruning import read_pruned
from gateway.audit.report import VerifyReport, is_signed, make_report
from gateway.audit.rows import read_links, read_row
from gateway.audit.signing import read_checkpoint, read_frontier, read_successions
from gateway.audit.succession import Trust

PAGE = 1000


async def verify_database(
    session: AsyncSession,
    tenants: Collection[str] | None = None,
    public_keys: Collection[str] = (),
    anchors: AnchorBook | None = None,
) -> list[VerifyReport]:
    """Verify the chains in the database, a report for each tenant.

    Args:
        tenants: None means all.
        public_keys: checkpoints must be signed by one of these; empty trusts any.
        anchors: what was seen outside. Chains that it knows must be there.
    """
    if tenants is None:
        heads = await session.scalars(select(AuditHead.tenant))
        records = await session.scalars(select(AuditRecord.tenant).distinct())
        signed = await session.scalars(select(AuditCheckpoint.tenant).distinct())
        seen = anchors.anchors if anchors else ()
        tenants = sorted({*heads, *records, *signed, *seen})
    trust = Trust(public_keys, await read_successions(session))
    reports = [await _verify_tenant(session, tenant, trust, anchors) for tenant in tenants]
    if anchors is not None and anchors.forged:
        findings = Findings()
        for line, message in anchors.forged:
            findings.add(Damage.FORGED, f"line {line} of the anchors: {message}")
        reports.append(make_report(ChainWalker(findings), findings, None, ""))
    return reports


@dataclass(frozen=True, slots=True)
class _Scope:
    """What existed when verification of a tenant began: one statement, one snapshot."""

    tenant: str
    last: int  # number of the newest record
    signed: int  # of the newest checkpoint
    signed_tree: int  # of the newest checkpoint with a tree
    head: tuple[int, str, datetime, int] | None  # seq, hash, time, checkpoint_seq
    last_time: datetime | None
    trust: Trust
    check: AnchorCheck


async def _verify_tenant(
    session: AsyncSession, tenant: str, trust: Trust, anchors: AnchorBook | None
) -> VerifyReport:
    findings = Findings()
    walker = ChainWalker(findings)
    check = AnchorCheck(anchors, findings)
    scope = await _read_scope(session, tenant, trust, check)
    pruned = await read_pruned(session, tenant, trust)
    if pruned is not None:
        walker.begin(pruned.last_seq, pruned.last_hash, pruned.frontier)
    signed = await _walk(session, scope, walker, findings)
    walker.finish()
    if not findings.total:
        await _compare_tiles(session, scope, walker, findings)
    whole = walker.first_seq in (None, 1) and walker.first_prev_hash in ("", GENESIS)
    if pruned is None and not whole:
        first = walker.first_seq
        findings.add(Damage.TRUNCATED, f"the chain begins with record {first}, not 1", first)
    check.beyond(tenant, walker.last_seq)
    _compare_head(scope, walker, findings)
    source = "pinned" if trust.pinned else "embedded"
    seen = None if anchors is None else check.compared
    return make_report(walker, findings, signed, source, tenant, seen)


async def _read_scope(
    session: AsyncSession, tenant: str, trust: Trust, check: AnchorCheck
) -> _Scope:
    last = select(func.max(AuditRecord.seq)).where(AuditRecord.tenant == tenant)
    signed = select(func.max(AuditCheckpoint.seq)).where(AuditCheckpoint.tenant == tenant)
    last_time = select(AuditRecord.time).where(
        AuditRecord.tenant == tenant, AuditRecord.seq == AuditHead.seq
    )
    query = select(
        last.scalar_subquery(),
        signed.scalar_subquery(),
        signed.where(AuditCheckpoint.root.is_not(None)).scalar_subquery(),
        last_time.correlate(AuditHead).scalar_subquery(),
        AuditHead.seq,
        AuditHead.hash,
        AuditHead.time,
        AuditHead.checkpoint_seq,
    )
    query = query.select_from(select(1).subquery()).outerjoin(AuditHead, AuditHead.tenant == tenant)
    row = (await session.execute(query)).one()
    head = None if row[4] is None else (row[4], row[5], row[6], row[7])
    return _Scope(tenant, row[0] or 0, row[1] or 0, row[2] or 0, head, row[3], trust, check)


def _compare_head(scope: _Scope, walker: ChainWalker, findings: Findings) -> None:
    seq, current, time, checkpoint_seq = scope.head or (0, None, None, 0)
    if seq > walker.last_seq:
        message = f"records {walker.last_seq + 1} to {seq} were cut from the end"
        findings.add(Damage.TRUNCATED, message, seq)
    elif seq < walker.last_seq:
        message = f"it stands behind the chain's head, record {seq}"
        findings.add(Damage.INSERTED, message, walker.last_seq)
    elif walker.last_hash is not None and current != walker.last_hash:
        findings.add(Damage.FORGED, "the chain's head names another hash", seq)
    elif scope.last_time is not None and time != scope.last_time:
        findings.add(Damage.FORGED, "the chain's head names another time", seq)
    if scope.signed < checkpoint_seq:
        message = f"the checkpoint that has signed records up to {checkpoint_seq} is missing"
        findings.add(Damage.TRUNCATED, message, checkpoint_seq)
    elif scope.signed_tree > checkpoint_seq:
        message = "the chain's head does not know of the newest checkpoint"
        findings.add(Damage.FORGED, message, scope.signed_tree)


async def _walk(
    session: AsyncSession, scope: _Scope, walker: ChainWalker, findings: Findings
) -> Checkpoint | None:
    """Page through records and their checkpoints; the newest one that holds."""
    newest: Checkpoint | None = None
    compare = _Comparison(walker, scope, findings)
    low = walker.last_seq + 1
    while True:
        records = (
            select(*AuditRecord.__table__.columns)
            .where(AuditRecord.tenant == scope.tenant)
            .where(AuditRecord.seq.between(low, scope.last))
            .order_by(AuditRecord.seq)
            .limit(PAGE)
        )
        page: Any = (await session.execute(records)).all()
        more = len(page) == PAGE
        high = page[-1].seq if more else scope.signed
        query = (
            select(AuditCheckpoint)
            .where(AuditCheckpoint.tenant == scope.tenant)
            .where(AuditCheckpoint.seq.between(low, min(high, scope.signed)))
            .order_by(AuditCheckpoint.seq)
        )
        checkpoints = {stored.seq: stored for stored in await session.scalars(query)}
        for stored in page:
            # What no checkpoint covers may be no canonical JSON, and have its hash all the same.
            read = read_links if stored.seq <= scope.signed else read_row
            if walker.feed(read(stored)):
                scope.check.at(walker)
            if (signed := checkpoints.pop(stored.seq, None)) is not None:
                newest = compare.checkpoint(signed, stored.hash) or newest
        for signed in checkpoints.values():
            newest = compare.checkpoint(signed, None) or newest
        if not more:
            return newest
        low = high + 1


class _Comparison:
    """Compares checkpoints with the chain as the walk comes to the records that they sign."""

    def __init__(self, walker: ChainWalker, scope: _Scope, findings: Findings) -> None:
        self._walker, self._scope, self._findings = walker, scope, findings
        self._begin = walker.last_seq
        self._previous = 0  # the checkpoint with a tree before

    def checkpoint(self, stored: AuditCheckpoint, found: str | None) -> Checkpoint | None:
        """Judge one; ``found`` is the hash of the record that it signs, if that is there."""
        signed, findings, last = read_checkpoint(stored), self._findings, self._scope.last
        self._sequence(signed)
        if not is_signed(signed, self._scope.trust, findings):
            return None
        if stored.seq > last:
            message = f"a checkpoint has signed records up to {stored.seq}, only {last} are left"
            findings.add(Damage.TRUNCATED, message, last)
        elif found != stored.hash:
            message = "the chain was hashed anew: a checkpoint has signed another record here"
            findings.add(Damage.FORGED, message, stored.seq)
        elif signed.root is not None:
            self._tree(stored)
        return signed

    def _sequence(self, signed: Checkpoint) -> None:
        before = signed.previous_seq
        if before is not None:
            if before != self._previous and before > self._begin:
                message = f"the checkpoint that has signed records up to {before} is missing"
                self._findings.add(Damage.TRUNCATED, message, before)
            self._previous = signed.last_seq

    def _tree(self, stored: AuditCheckpoint) -> None:
        walker, findings = self._walker, self._findings
        if read_frontier(stored) is None:
            message = "the Merkle tree kept with a checkpoint is not the one that it has signed"
            findings.add(Damage.FORGED, message, stored.seq)
        elif walker.frontier.count != stored.seq or findings.total:
            return  # what is missing or wrong before is told by itself
        elif walker.frontier.root().hex() != stored.root:
            findings.add(Damage.FORGED, "a checkpoint has signed another Merkle root", stored.seq)


async def _compare_tiles(
    session: AsyncSession, scope: _Scope, walker: ChainWalker, findings: Findings
) -> None:
    """The stored subtrees, which proofs are made from, must be those of the records."""
    query = select(AuditTile.number, AuditTile.hash).where(AuditTile.tenant == scope.tenant)
    roots = {number: root.hex() for number, root in walker.frontier.tiles}
    for number, root in await session.execute(query.order_by(AuditTile.number)):
        if (found := roots.get(number)) is not None and root != found:
            message = "the Merkle tree kept for proofs is not that of the records from here on"
            findings.add(Damage.FORGED, message, number * TILE + 1)
