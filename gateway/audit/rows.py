"""A row of ``audit_records`` as the record that is exported and verified."""

from typing import Any

import msgspec

from core.clock import isoformat
from gateway.audit.diagnosis import Row
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.errors import InvalidRecord
from gateway.audit.genuine import genuine_body


def read_row(stored: Any) -> Row:
    """Body and chain columns together; not exact where a column contradicts the body."""
    chain = {"prev_hash": stored.prev_hash, "hash": stored.hash}
    columns = _columns(stored)
    try:
        members = decode(stored.body)
        canonical = encode_canonical(members).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRecord):
        members, canonical = None, ""
    if not isinstance(members, dict):
        # Nothing that the body says can be read; the columns still name the record.
        return Row(0, {**columns, "unreadable": True, **chain}, exact=False)
    agrees = all(members.get(name) == value for name, value in columns.items())
    if not agrees or canonical != stored.body:
        return Row(0, {**columns, **members, **chain}, exact=False)
    return Row(0, {**members, **chain})


def read_links(stored: Any) -> Row:
    """The same for a walk along the chain; only what names the record if its hash is right."""
    named = genuine_body(stored.body.encode(), stored.prev_hash, stored.hash)
    if (
        named is not None
        and named.tenant == stored.tenant
        and named.seq == stored.seq
        and named.request_id == stored.request_id
        and named.kind == stored.kind
        and named.time == isoformat(stored.time)
    ):
        return Row(0, named.links(), sound=True)
    return read_row(stored)


def _columns(stored: Any) -> dict[str, Any]:
    return {
        "tenant": stored.tenant,
        "seq": stored.seq,
        "request_id": stored.request_id,
        "kind": stored.kind,
        "time": isoformat(stored.time),
    }
