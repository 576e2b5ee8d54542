"""``audit verify``: of a file with nothing but the public key, or of the database.

Findings are values, never exceptions: only a file that cannot be opened raises.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.audit.anchored import AnchorCheck
from gateway.audit.anchors import AnchorBook
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Findings, Row
from gateway.audit.errors import InvalidRecord
from gateway.audit.formats import detect_format, read_rows
from gateway.audit.merkle import root_from_path
from gateway.audit.proofs import read_members, read_proof
from gateway.audit.report import VerifyReport, is_signed, make_report
from gateway.audit.selected import check_selection, is_selection
from gateway.audit.stored import verify_database
from gateway.audit.succession import Succession, Trust

__all__ = ["VerifyReport", "verify_database", "verify_file"]


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
    return make_report(walker, findings, signed, source, anchors=_judged(anchors, check, findings))


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

    def trusted(signed: Checkpoint, successions: Sequence[Succession], row: Row) -> bool:
        return is_signed(signed, Trust(pinned, successions), findings, row)

    found = check_selection(rows, findings, trusted)
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
    return make_report(walker, findings, signed, source, anchors=_judged(anchors, check, findings))


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
    if not is_signed(signed, trust, findings, row):
        return None
    place = (seq - signed.first_seq, signed.count)
    root = root_from_path(bytes.fromhex(row.members["hash"]), *place, path)
    if signed.tenant != tenant:
        findings.add(Damage.FORGED, "the checkpoint is of another tenant", seq, row)
    elif root is None or root.hex() != signed.root:
        message = "its path does not lead to the signed root: the chain has no such record"
        findings.add(Damage.FORGED, message, seq, row)
    return signed


def _compare_export(
    walker: ChainWalker, signed: Checkpoint, end: Row, public_key: str | None, findings: Findings
) -> None:
    trust = Trust(() if public_key is None else (public_key,), signed.successions)
    if not is_signed(signed, trust, findings, end):
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


def _read_checkpoint(row: Row, findings: Findings) -> Checkpoint | None:
    assert row.members is not None
    try:
        return Checkpoint.from_dict(row.members["checkpoint"])
    except InvalidRecord as error:
        findings.add(Damage.FORGED, error.message, _seq(row), row)
        return None


def _seq(row: Row) -> int | None:
    value = row.members.get("seq") if row.members else None
    return value if type(value) is int else None
