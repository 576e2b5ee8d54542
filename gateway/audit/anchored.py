"""Compares a walk along a chain with what anchors outside have seen of it."""

from gateway.audit.anchors import Anchor, AnchorBook
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Findings


class AnchorCheck:
    """One tenant's anchors, met one by one as the walk comes to their records.

    Attributes:
        compared: how many spoke of the records that were walked along.
    """

    def __init__(self, book: AnchorBook | None, findings: Findings) -> None:
        self.compared = 0
        self._book = book or AnchorBook()
        self._findings = findings

    def at(self, walker: ChainWalker) -> None:
        """The walk stands at ``walker.last_seq``, whose record is sound."""
        if self._book.anchors and walker.tenant is not None:
            of_tenant = self._book.anchors.get(walker.tenant, {})
            for anchor in of_tenant.get(walker.last_seq, ()):
                self._compare(anchor, walker.last_hash)
                self._compare_root(anchor, walker)

    def before(self, walker: ChainWalker) -> None:
        """What the first record names as its predecessor was seen, too."""
        if walker.first_seq is not None:
            of_tenant = self._book.anchors.get(walker.tenant or "", {})
            for anchor in of_tenant.get(walker.first_seq - 1, ()):
                self._compare(anchor, walker.first_prev_hash)

    def beyond(self, tenant: str, last_seq: int) -> None:
        """A whole chain cannot end before what an anchor has seen."""
        of_tenant = self._book.anchors.get(tenant, {})
        for anchor in of_tenant.get(max(of_tenant, default=0), ()):
            if anchor.checkpoint.last_seq > last_seq:
                self.compared += 1
                message = (
                    f"anchor {anchor.name} has seen records up to {anchor.checkpoint.last_seq} at "
                    f"{anchor.time}, only {last_seq} are left"
                )
                self._findings.add(Damage.TRUNCATED, message, last_seq or None)

    def checkpoint(self, signed: Checkpoint) -> None:
        """The checkpoint of a proof: seen as it is, or another in its place."""
        of_tenant = self._book.anchors.get(signed.tenant, {})
        for anchor in of_tenant.get(signed.last_seq, ()):
            self._compare(anchor, signed.last_hash)

    def _compare(self, anchor: Anchor, found: str | None) -> None:
        self.compared += 1
        if anchor.checkpoint.last_hash != found:
            message = (
                f"anchor {anchor.name} has seen another record here at {anchor.time}: the chain "
                "was recomputed"
            )
            self._findings.add(Damage.FORGED, message, anchor.checkpoint.last_seq)

    def _compare_root(self, anchor: Anchor, walker: ChainWalker) -> None:
        comparable = walker.frontier.count == walker.last_seq and not self._findings.total
        if comparable and anchor.checkpoint.root not in (None, walker.frontier.root().hex()):
            message = f"anchor {anchor.name} has seen another Merkle root"
            self._findings.add(Damage.FORGED, message, anchor.checkpoint.last_seq)
