"""What the journal's frames say: intents, calls and outcomes as JSON.

It knows nothing of files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from gateway.audit.encoding import decode, encode_record, encode_text
from gateway.audit.errors import InvalidRecord
from gateway.audit.frames import Frame, Kind, pack
from gateway.audit.record import RESERVED, RequestRecord

Body = dict[str, Any]
Settlement = Any
"""What the drain's sinks get: it, or the JSON object that it becomes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished request as it is read from the journal."""

    request_id: str
    audit: Body
    settlement: Body | None
    bodies: Sequence[Body] = ()  # sealed


class Prepared(NamedTuple):
    """A finished request of this process, its record in canonical form; it has no bodies."""

    request_id: str
    tenant: str
    record: bytes
    settlement: Settlement | None

    @property
    def audit(self) -> Body:
        """The record's fields."""
        return decode(self.record)


Journaled = Outcome | Prepared
Written = Prepared | bytes
"""What the drain needs of a frame: all of it, or its payload."""


def outcome_frame(
    request_id: str,
    audit: Body | RequestRecord,
    settlement: Body | Settlement | None,
    bodies: Sequence[Body] = (),
) -> tuple[bytes, Written]:
    """One frame with all that a request ended in, and what the drain needs of it.

    Raises:
        InvalidRecord: the record names no tenant, or holds what a chain cannot take.
    """
    plain = isinstance(audit, dict)
    tenant = audit.get("tenant") if plain else audit.tenant
    if not isinstance(tenant, str) or not 0 < len(tenant) <= 64 or not tenant.isprintable():
        raise InvalidRecord("An audit record names its tenant; use `_system` where there is none.")
    if plain and not RESERVED.isdisjoint(audit):
        raise InvalidRecord("A record must not set the chain's own fields; see docs/audit.md.")
    record = encode_record(audit)
    content = {"r": request_id, "a": msgspec.Raw(record), "s": settlement}
    payload, as_it_is = encode_text({**content, "b": bodies} if bodies else content)
    frame = pack(Kind.OUTCOME, payload)
    if plain or bodies or isinstance(settlement, dict) or not as_it_is:
        return frame, payload  # these may change, or have changed
    return frame, Prepared(request_id, tenant, record, settlement)


def read_outcome(payload: bytes) -> Outcome:
    """What ``outcome_frame`` has packed."""
    content = decode(payload)
    return Outcome(content["r"], content["a"], content["s"], content.get("b", ()))


def unfinished(frames: Iterable[Frame]) -> dict[str, list[Body]]:
    """Request id -> [intent, last call?] of the requests without outcome, oldest first."""
    found: dict[str, list[Body]] = {}
    for frame in frames:
        content = decode(frame.payload)
        request_id = content["r"]
        if frame.kind is Kind.OUTCOME:
            found.pop(request_id, None)
        elif frame.kind is Kind.INTENT:
            found.setdefault(request_id, [content["b"]])
        elif request_id in found:
            found[request_id][1:] = [content["b"]]
    return found
