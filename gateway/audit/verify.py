"""``audit verify``: of a file with nothing but the public key, or of the database.

Findings are values, never exceptions: only a file that cannot be opened raises.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.anchored import AnchorCheck
from gateway.audit.anchors import AnchorBook
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Finding, Findings, Row
from gateway.audit.errors import InvalidRecord
from gateway.audit.formats import detect_format, read_rows
from gateway.audit.merkle import TILE, root_from_path
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord, AuditTile
from gateway.audit.proofs import read_members, read_proof
from gateway.audit.pruning import read_pruned
from gateway.audit.rows import read_row
from gateway.audit.selected import check_selection, is_selection
from gateway.audit.signing import read_checkpoint, read_frontier, read_successions
from gateway.audit.succession import Succession, Trust

PAGE = 1000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The verdict on one run of records.

    ``key_source``: ``pinned`` (the caller's public key signed the end),
    ``embedded`` (the file's own key did: ask whose it is), None (no signature
    was found or needed).
    ``anchors``: how many spoke of these records; None if none were given.
    """

    ok: bool
    tenant: str | None
    records: int
    first_seq: int | None
    last_seq: int | None
    key_source: str | None
    key_id: str | None
    findings: tuple[Finding, ...]
    findings_total: int
    anchors: int | None = None
    selection: bool = False  # a filtered export: not a run

    def summary(self) -> str:
        """One line for people."""
        where = f"tenant {self.tenant}, " if self.tenant else ""
        if self.ok and self.selection:
            return (
                f"OK: {where}each of these {self.records} records ({self.first_seq} to "
                f"{self.last_seq}) is in the chain; {self._signed_by()}{self._seen()}; a filtered "
                "export does not prove that none is missing"
            )
        if self.ok:
            run = f"records {self.first_seq} to {self.last_seq}" if self.records else "no records"
            return f"OK: {where}{run} ({self.records}) verify; {self._signed_by()}{self._seen()}"
        first = self.findings[0]
        named = f" record seq {first.seq}" if first.seq is not None else ""
        named += f" ({first.request_id})" if first.request_id else ""
        named += f" on line {first.line}" if first.line else ""
        more = f"; {self.findings_total - 1} more findings" if self.findings_total > 1 else ""
        return f"FAILED: {where}{first.damage.value}{named}: {first.message}{more}"

    def _seen(self) -> str:
        if self.anchors is None:
            return ""
        return f"; {self.anchors} anchors agree" if self.anchors else "; no anchor speaks of them"

    def _signed_by(self) -> str:
        if self.key_source == "pinned":
            return f"signed by the given key {self.key_id}"
        if self.key_source == "embedded":
            return (
                f"signed by key {self.key_id}, as the data itself says: "
                "compare it with the operator's, or pass --public-key"
            )
        return "not signed yet"


def verify_file(
    path: Path, public_key: str | None = None, anchors: AnchorBook | None = None
) -> VerifyReport:
    """Verify an export, or a proof of one record, offline.

    Args:
        public_key: 64 hex digits (``keys.load_public_key``); None trusts the embedded one.
        anchors: what was seen outside; some of it must speak of these records.

    Raises:
        OSError: the file cannot be read.
    """
    if (proof := read_proof(path)) is not None:
        return _verify_proof(proof, public_key, anchors)
    rows = read_rows(path, detect_format(path))
    first = next(rows, None)
    rows = chain(() if first is None else (first,), rows)
    if is_selection(first):
        return _verify_selection(rows, public_key, anchors)
    findings = Findings()
    walker = ChainWalker(findings)
    check = AnchorCheck(anchors, findings)
    end: Row | None = None
    signed: Checkpoint | None = None
    sound = True
    for row in rows:
        if row.line == 0:
            findings.add(Damage.EDITED, "this is not the layout of an audit export", None, row)
            continue
        sound = walker.feed(row)
        if sound:
            check.at(walker)
        if sound and signed is not None and (_seq(row) or 0) > signed.last_seq:
            findings.add(Damage.INSERTED, "it stands behind the signed end", _seq(row), row)
        if row.members is not None and "checkpoint" in row.members:
            end, signed = row, _read_checkpoint(row, findings) or signed
    walker.finish(signed.last_seq if signed else None)
    check.before(walker)
    if signed is not None and end is not None:
        _compare_export(walker, signed, end, public_key, findings)
    elif not walker.count:
        findings.add(Damage.TRUNCATED, "the file holds no record, so it proves nothing")
    elif end is None and sound:
        message = f"the signed end is missing: what followed record {walker.last_seq} was cut"
        findings.add(Damage.TRUNCATED, message, walker.last_seq)
    source = "embedded" if public_key is None else "pinned"
    return _report(walker, findings, signed, source, anchors=_judged(anchors, check, findings))


def _judged(anchors: AnchorBook | None, check: AnchorCheck, findings: Findings) -> int | None:
    """How many anchors were compared; that of a file none was, is a finding."""
    if anchors is None:
        return None
    for line, message in anchors.forged:
        findings.add(Damage.FORGED, f"line {line} of the anchors: {message}")
    if not check.compared and not findings.total:
        message = "no anchor speaks of these records: bring newer ones, or a longer export"
        findings.add(Damage.UNPROVEN, message)
    return check.compared


def _verify_selection(
    rows: Iterable[Row], public_key: str | None, anchors: AnchorBook | None
) -> VerifyReport:
    findings = Findings()
    check = AnchorCheck(anchors, findings)
    pinned = () if public_key is None else (public_key,)

    def is_signed(signed: Checkpoint, successions: Sequence[Succession], row: Row) -> bool:
        return _is_signed(signed, Trust(pinned, successions), findings, row)

    found = check_selection(rows, findings, is_signed)
    if found.signed is not None:
        check.checkpoint(found.signed)
    source = "embedded" if public_key is None else "pinned"
    return VerifyReport(
        anchors=_judged(anchors, check, findings),
        ok=not findings.total,
        tenant=found.signed.tenant if found.signed else None,
        records=found.count,
        first_seq=found.first_seq,
        last_seq=found.last_seq or None,
        key_source=source if found.signed else None,
        key_id=found.signed.key_id if found.signed else None,
        findings=tuple(findings.items),
        findings_total=findings.total,
        selection=True,
    )


def _verify_proof(
    proof: dict[str, Any], public_key: str | None, anchors: AnchorBook | None
) -> VerifyReport:
    findings = Findings()
    walker = ChainWalker(findings)
    check = AnchorCheck(anchors, findings)
    signed: Checkpoint | None = None
    record = proof.get("record")
    row = Row(1, record if isinstance(record, dict) else None)
    if walker.feed(row):
        signed = _compare_proof(proof, row, public_key, findings)
    walker.finish()
    if signed is not None:
        check.checkpoint(signed)
    source = "embedded" if public_key is None else "pinned"
    return _report(walker, findings, signed, source, anchors=_judged(anchors, check, findings))


def _compare_proof(
    proof: dict[str, Any], row: Row, public_key: str | None, findings: Findings
) -> Checkpoint | None:
    assert row.members is not None
    tenant, seq = row.members["tenant"], row.members["seq"]
    try:
        signed, path, successions = read_members(proof)
    except InvalidRecord as error:
        findings.add(Damage.FORGED, error.message, seq, row)
        return None
    trust = Trust(() if public_key is None else (public_key,), successions)
    if not _is_signed(signed, trust, findings, row):
        return None
    place = (seq - signed.first_seq, signed.count)
    root = root_from_path(bytes.fromhex(row.members["hash"]), *place, path)
    if signed.tenant != tenant:
        findings.add(Damage.FORGED, "the checkpoint is of another tenant", seq, row)
    elif root is None or root.hex() != signed.root:
        message = "its path does not lead to the signed root: the chain has no such record"
        findings.add(Damage.FORGED, message, seq, row)
    return signed


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
        reports.append(_report(ChainWalker(findings), findings, None, ""))
    return reports


async def _verify_tenant(
    session: AsyncSession, tenant: str, trust: Trust, anchors: AnchorBook | None
) -> VerifyReport:
    findings = Findings()
    walker = ChainWalker(findings)
    check = AnchorCheck(anchors, findings)
    # One statement, one snapshot: new records may arrive while the old ones are read.
    newest = select(func.max(AuditRecord.seq)).where(AuditRecord.tenant == tenant)
    signed_to = select(func.max(AuditCheckpoint.seq)).where(AuditCheckpoint.tenant == tenant)
    query = select(
        newest.scalar_subquery(), signed_to.scalar_subquery(), AuditHead.seq, AuditHead.hash
    )
    query = query.select_from(select(1).subquery()).outerjoin(AuditHead, AuditHead.tenant == tenant)
    last, signed_seq, head_seq, head_hash = (await session.execute(query)).one()
    scope = _Scope(tenant, last or 0, signed_seq or 0, trust, check)
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
    if (head_seq or 0) > walker.last_seq:
        message = f"records {walker.last_seq + 1} to {head_seq} were cut from the end"
        findings.add(Damage.TRUNCATED, message, head_seq)
    elif (head_seq or 0) < walker.last_seq:
        message = f"it stands behind the chain's head, record {head_seq or 0}"
        findings.add(Damage.INSERTED, message, walker.last_seq)
    elif walker.last_hash is not None and head_hash != walker.last_hash:
        findings.add(Damage.FORGED, "the chain's head names another hash", head_seq)
    source = "pinned" if trust.pinned else "embedded"
    seen = None if anchors is None else check.compared
    return _report(walker, findings, signed, source, tenant, seen)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What existed when verification of a tenant began."""

    tenant: str
    last: int
    signed: int
    trust: Trust
    check: AnchorCheck


async def _walk(
    session: AsyncSession, scope: _Scope, walker: ChainWalker, findings: Findings
) -> Checkpoint | None:
    """Page through records and their checkpoints; the newest one that holds."""
    newest: Checkpoint | None = None
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
            if walker.feed(read_row(stored)):
                scope.check.at(walker)
            if (signed := checkpoints.pop(stored.seq, None)) is not None:
                newest = _compare_stored(signed, stored.hash, walker, scope, findings) or newest
        for signed in checkpoints.values():
            newest = _compare_stored(signed, None, walker, scope, findings) or newest
        if not more:
            return newest
        low = high + 1


def _compare_stored(
    stored: AuditCheckpoint,
    found: str | None,
    walker: ChainWalker,
    scope: _Scope,
    findings: Findings,
) -> Checkpoint | None:
    """Compare a checkpoint with the record (its hash) that the walk has just come to."""
    signed = read_checkpoint(stored)
    if not _is_signed(signed, scope.trust, findings):
        return None
    if stored.seq > scope.last:
        message = f"a checkpoint has signed records up to {stored.seq}, only {scope.last} are left"
        findings.add(Damage.TRUNCATED, message, scope.last)
    elif found != stored.hash:
        message = "the chain was hashed anew: a checkpoint has signed another record here"
        findings.add(Damage.FORGED, message, stored.seq)
    elif signed.root is not None:
        _compare_tree(stored, walker, findings)
    return signed


def _compare_tree(stored: AuditCheckpoint, walker: ChainWalker, findings: Findings) -> None:
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


def _compare_export(
    walker: ChainWalker, signed: Checkpoint, end: Row, public_key: str | None, findings: Findings
) -> None:
    trust = Trust(() if public_key is None else (public_key,), signed.successions)
    if not _is_signed(signed, trust, findings, end):
        return
    first = walker.first_seq or 0
    if signed.tenant != walker.tenant:
        findings.add(Damage.FORGED, "the checkpoint is of another tenant", signed.last_seq)
    if first > signed.first_seq:
        message = f"records {signed.first_seq} to {first - 1} were cut from the start"
        findings.add(Damage.TRUNCATED, message, signed.first_seq)
    elif first < signed.first_seq:
        findings.add(Damage.INSERTED, "it stands before the signed start", first)
    if walker.last_seq < signed.last_seq:
        message = f"records {walker.last_seq + 1} to {signed.last_seq} were cut from the end"
        findings.add(Damage.TRUNCATED, message, signed.last_seq)
    if findings.total:
        return
    if walker.count != signed.count:
        findings.add(Damage.FORGED, "the checkpoint signs another number of records")
    if walker.first_prev_hash != signed.first_prev_hash or walker.last_hash != signed.last_hash:
        message = "the records were hashed anew: the checkpoint has signed others"
        findings.add(Damage.FORGED, message, signed.last_seq)
    elif signed.root is not None and walker.frontier.root().hex() != signed.root:
        findings.add(Damage.FORGED, "the checkpoint signs another Merkle root", signed.last_seq)


def _is_signed(
    signed: Checkpoint, trust: Trust, findings: Findings, row: Row | None = None
) -> bool:
    if not trust.accepts(signed.public_key):
        message = f"the checkpoint is signed by key {signed.key_id}, not by {trust.named()}"
        message += " or a key in its succession"
        findings.add(Damage.FORGED, message, signed.last_seq, row)
        return False
    if not signed.holds():
        message = "the checkpoint's signature does not hold: it was changed or made without the key"
        findings.add(Damage.FORGED, message, signed.last_seq, row)
        return False
    return True


def _read_checkpoint(row: Row, findings: Findings) -> Checkpoint | None:
    assert row.members is not None
    try:
        return Checkpoint.from_dict(row.members["checkpoint"])
    except InvalidRecord as error:
        findings.add(Damage.FORGED, error.message, _seq(row), row)
        return None


def _report(
    walker: ChainWalker,
    findings: Findings,
    signed: Checkpoint | None,
    source: str,
    tenant: str | None = None,
    anchors: int | None = None,
) -> VerifyReport:
    return VerifyReport(
        ok=not findings.total,
        tenant=tenant or walker.tenant,
        records=walker.count,
        first_seq=walker.first_seq,
        last_seq=walker.last_seq if walker.count else None,
        key_source=source if signed else None,
        key_id=signed.key_id if signed else None,
        findings=tuple(findings.items),
        findings_total=findings.total,
        anchors=anchors,
    )


def _seq(row: Row) -> int | None:
    value = row.members.get("seq") if row.members else None
    return value if type(value) is int else None
