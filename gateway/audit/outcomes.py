"""What the journal's frames say: intents, calls and outcomes as JSON.

It knows nothing of files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.audit.encoding import decode, encode_plain, encode_record
from gateway.audit.errors import InvalidRecord
from gateway.audit.frames import Frame, Kind, pack
from gateway.audit.record import RESERVED, RequestRecord

Body = dict[str, Any]
Settlement = Any
"""A dataclass; the drain's sinks get it as the JSON object that it becomes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished request as the drain gets it."""

    request_id: str
    audit: Body
    settlement: Body | None
    bodies: Sequence[Body] = ()  # sealed


def outcome_frame(
    request_id: str,
    audit: Body | RequestRecord,
    settlement: Body | Settlement | None,
    bodies: Sequence[Body] = (),
) -> bytes:
    """One frame with all that a request ended in.

    Raises:
        InvalidRecord: the record names no tenant, or holds what a chain cannot take.
    """
    plain = isinstance(audit, dict)
    tenant = audit.get("tenant") if plain else audit.tenant
    if not isinstance(tenant, str) or not 0 < len(tenant) <= 64 or not tenant.isprintable():
        raise InvalidRecord("An audit record names its tenant; use `_system` where there is none.")
    if plain and not RESERVED.isdisjoint(audit):
        raise InvalidRecord("A record must not set the chain's own fields; see docs/audit.md.")
    encoded = msgspec.Raw(encode_record(audit))
    content = {"r": request_id, "a": encoded, "s": settlement}
    return pack(Kind.OUTCOME, encode_plain({**content, "b": bodies} if bodies else content))


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
