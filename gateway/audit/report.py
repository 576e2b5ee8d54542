"""What a verification says, of a file or of a chain in the database."""

from dataclasses import dataclass

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Finding, Findings, Row
from gateway.audit.succession import Trust


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


def is_signed(signed: Checkpoint, trust: Trust, findings: Findings, row: Row | None = None) -> bool:
    """Whether a trusted key has signed it; if not, that is a finding."""
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


def make_report(
    walker: ChainWalker,
    findings: Findings,
    signed: Checkpoint | None,
    source: str,
    tenant: str | None = None,
    anchors: int | None = None,
) -> VerifyReport:
    """The report of a walk; ``source`` counts only where something was signed."""
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
