"""``audit verify``: of a file with nothing but the public key, or of the database.

Findings are values, never exceptions: only a file that cannot be opened raises.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import isoformat
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Finding, Findings, Row
from gateway.audit.errors import InvalidRecord
from gateway.audit.formats import detect_format, read_rows
from gateway.audit.keys import key_id
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from gateway.audit.rows import read_row

PAGE = 1000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The verdict on one run of records.

    ``key_source``: ``pinned`` (the caller's public key signed the end),
    ``embedded`` (the file's own key did: ask whose it is), None (no signature
    was found or needed).
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

    def summary(self) -> str:
        """One line for people."""
        where = f"tenant {self.tenant}, " if self.tenant else ""
        if self.ok:
            run = f"records {self.first_seq} to {self.last_seq}" if self.records else "no records"
            return f"OK: {where}{run} ({self.records}) verify; {self._signed_by()}"
        first = self.findings[0]
        named = f" record seq {first.seq}" if first.seq is not None else ""
        named += f" ({first.request_id})" if first.request_id else ""
        named += f" on line {first.line}" if first.line else ""
        more = f"; {self.findings_total - 1} more findings" if self.findings_total > 1 else ""
        return f"FAILED: {where}{first.damage.value}{named}: {first.message}{more}"

    def _signed_by(self) -> str:
        if self.key_source == "pinned":
            return f"signed by the given key {self.key_id}"
        if self.key_source == "embedded":
            return (
                f"signed by key {self.key_id}, as the data itself says: "
                "compare it with the operator's, or pass --public-key"
            )
        return "not signed yet"


def verify_file(path: Path, public_key: str | None = None) -> VerifyReport:
    """Verify an export offline.

    Args:
        public_key: 64 hex digits (``keys.load_public_key``); None trusts the embedded one.

    Raises:
        OSError: the file cannot be read.
    """
    findings = Findings()
    walker = ChainWalker(findings)
    end: Row | None = None
    signed: Checkpoint | None = None
    sound = True
    for row in read_rows(path, detect_format(path)):
        if row.line == 0:
            findings.add(Damage.EDITED, "this is not the layout of an audit export", None, row)
            continue
        sound = walker.feed(row)
        if sound and signed is not None and (_seq(row) or 0) > signed.last_seq:
            findings.add(Damage.INSERTED, "it stands behind the signed end", _seq(row), row)
        if row.members is not None and "checkpoint" in row.members:
            end, signed = row, _read_checkpoint(row, findings) or signed
    walker.finish(signed.last_seq if signed else None)
    if signed is not None and end is not None:
        _compare_export(walker, signed, end, public_key, findings)
    elif not walker.count:
        findings.add(Damage.TRUNCATED, "the file holds no record, so it proves nothing")
    elif end is None and sound:
        message = f"the signed end is missing: what followed record {walker.last_seq} was cut"
        findings.add(Damage.TRUNCATED, message, walker.last_seq)
    return _report(walker, findings, signed, "embedded" if public_key is None else "pinned")


async def verify_database(
    session: AsyncSession,
    tenants: Collection[str] | None = None,
    public_keys: Collection[str] = (),
) -> list[VerifyReport]:
    """Verify the chains in the database, a report for each tenant.

    Args:
        tenants: None means all.
        public_keys: checkpoints must be signed by one of these; empty trusts any.
    """
    if tenants is None:
        heads = await session.scalars(select(AuditHead.tenant))
        records = await session.scalars(select(AuditRecord.tenant).distinct())
        signed = await session.scalars(select(AuditCheckpoint.tenant).distinct())
        tenants = sorted({*heads, *records, *signed})
    return [await _verify_tenant(session, tenant, public_keys) for tenant in tenants]


async def _verify_tenant(
    session: AsyncSession, tenant: str, public_keys: Collection[str]
) -> VerifyReport:
    findings = Findings()
    walker = ChainWalker(findings)
    # One statement, one snapshot: new records may arrive while the old ones are read.
    newest = select(func.max(AuditRecord.seq)).where(AuditRecord.tenant == tenant)
    signed_to = select(func.max(AuditCheckpoint.seq)).where(AuditCheckpoint.tenant == tenant)
    query = select(
        newest.scalar_subquery(), signed_to.scalar_subquery(), AuditHead.seq, AuditHead.hash
    )
    query = query.select_from(select(1).subquery()).outerjoin(AuditHead, AuditHead.tenant == tenant)
    last, signed_seq, head_seq, head_hash = (await session.execute(query)).one()
    scope = _Scope(tenant, last or 0, signed_seq or 0, public_keys)
    signed = await _walk(session, scope, walker, findings)
    walker.finish()
    if walker.first_seq not in (None, 1) or walker.first_prev_hash not in ("", GENESIS):
        first = walker.first_seq
        findings.add(Damage.TRUNCATED, f"the chain begins with record {first}, not 1", first)
    if (head_seq or 0) > walker.last_seq:
        message = f"records {walker.last_seq + 1} to {head_seq} were cut from the end"
        findings.add(Damage.TRUNCATED, message, head_seq)
    elif (head_seq or 0) < walker.last_seq:
        message = f"it stands behind the chain's head, record {head_seq or 0}"
        findings.add(Damage.INSERTED, message, walker.last_seq)
    elif walker.last_hash is not None and head_hash != walker.last_hash:
        findings.add(Damage.FORGED, "the chain's head names another hash", head_seq)
    return _report(walker, findings, signed, "pinned" if public_keys else "embedded", tenant)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What existed when verification of a tenant began."""

    tenant: str
    last: int
    signed: int
    public_keys: Collection[str]


async def _walk(
    session: AsyncSession, scope: _Scope, walker: ChainWalker, findings: Findings
) -> Checkpoint | None:
    """Page through records and their checkpoints; the newest one that holds."""
    newest: Checkpoint | None = None
    low = 1
    while True:
        records = (
            select(*AuditRecord.__table__.columns)
            .where(AuditRecord.tenant == scope.tenant)
            .where(AuditRecord.seq.between(low, scope.last))
            .order_by(AuditRecord.seq)
            .limit(PAGE)
        )
        page: Any = (await session.execute(records)).all()
        for stored in page:
            walker.feed(read_row(stored))
        more = len(page) == PAGE
        high = page[-1].seq if more else scope.signed
        checkpoints = (
            select(AuditCheckpoint)
            .where(AuditCheckpoint.tenant == scope.tenant)
            .where(AuditCheckpoint.seq.between(low, min(high, scope.signed)))
            .order_by(AuditCheckpoint.seq)
        )
        hashes = {stored.seq: stored.hash for stored in page}
        for stored in await session.scalars(checkpoints):
            newest = _compare_stored(stored, hashes, scope, findings) or newest
        if not more:
            return newest
        low = high + 1


def _compare_stored(
    stored: AuditCheckpoint,
    hashes: dict[int, str],
    scope: _Scope,
    findings: Findings,
) -> Checkpoint | None:
    signed = Checkpoint(
        tenant=stored.tenant,
        first_seq=1,
        last_seq=stored.seq,
        count=stored.count,
        first_prev_hash=GENESIS,
        last_hash=stored.hash,
        time=isoformat(stored.time),
        key_id=stored.key_id,
        public_key=stored.public_key,
        signature=stored.signature,
    )
    if not _is_signed(signed, scope.public_keys, findings):
        return None
    if stored.seq > scope.last:
        message = f"a checkpoint has signed records up to {stored.seq}, only {scope.last} are left"
        findings.add(Damage.TRUNCATED, message, scope.last)
    elif hashes.get(stored.seq) != stored.hash:
        message = "the chain was hashed anew: a checkpoint has signed another record here"
        findings.add(Damage.FORGED, message, stored.seq)
    return signed


def _compare_export(
    walker: ChainWalker, signed: Checkpoint, end: Row, public_key: str | None, findings: Findings
) -> None:
    keys = () if public_key is None else (public_key,)
    if not _is_signed(signed, keys, findings, end):
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


def _is_signed(
    signed: Checkpoint, public_keys: Collection[str], findings: Findings, row: Row | None = None
) -> bool:
    if public_keys and signed.public_key not in public_keys:
        wanted = ", ".join(key_id(key) for key in public_keys)
        message = f"the checkpoint is signed by key {signed.key_id}, not by {wanted}"
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
    )


def _seq(row: Row) -> int | None:
    value = row.members.get("seq") if row.members else None
    return value if type(value) is int else None
