"""A record on its way to a receiver."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.audit.encoding import encode_canonical

_UNUSUAL = frozenset({"blocked", "denied", "error", "disconnected", "interrupted"})


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One link of a chain.

    Attributes:
        line: the canonical JSON of an export's line: body, ``prev_hash`` and ``hash``.
        unusual: a request that did not complete, or an attempt that failed.
    """

    tenant: str
    seq: int
    request_id: str
    kind: str
    time: datetime
    line: str
    unusual: bool

    @classmethod
    def of(cls, row: Any) -> "StreamRecord":
        """Of a row of ``audit_records``."""
        members = json.loads(row.body)
        chained = {**members, "prev_hash": row.prev_hash, "hash": row.hash}
        action = members.get("action") or ""
        return cls(
            tenant=row.tenant,
            seq=row.seq,
            request_id=row.request_id,
            kind=row.kind,
            time=row.time,
            line=encode_canonical(chained).decode(),
            unusual=members.get("outcome") in _UNUSUAL or action.endswith(("failed", "throttled")),
        )


class Receiver(Protocol):
    """Where a stream goes."""

    async def send(self, records: Sequence[StreamRecord]) -> None:
        """Return when the receiver has them all, in this order.

        Raises:
            DeliveryFailed: it may have some, all or none.
        """
        ...

    async def close(self) -> None: ...
