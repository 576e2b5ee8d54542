"""Recognises records whose bytes are right at a fraction of the cost of reading them whole.

A body whose hash is the one that the chain names is, byte for byte, the body that was
hashed, so it need not be decoded to be believed: five members are read, and in an
export the two that it adds are cut out at the only place where canonical JSON has them.
Whatever is not recognised is not wrong yet: it goes the long way, which says what it is.
"""

import hashlib

import msgspec

_HASH, _PREV_HASH = b'"hash":"', b'"prev_hash":"'
_HEX = 64


class Named(msgspec.Struct):
    """What a walk along the chain and the plain columns of an export need of a record."""

    tenant: str
    seq: int
    request_id: str
    kind: str
    time: str
    prev_hash: str = ""
    hash: str = ""
    upstream: str | None = None

    def links(self) -> dict[str, str | int]:
        """The members that ``ChainWalker`` reads."""
        return {
            "tenant": self.tenant,
            "seq": self.seq,
            "request_id": self.request_id,
            "prev_hash": self.prev_hash,
            "hash": self.hash,
        }


_decoder = msgspec.json.Decoder(Named)


def genuine_record(record: bytes) -> Named | None:
    """The record of an export, if it is the canonical JSON of what was hashed."""
    try:
        named = _decoder.decode(record)
        previous = bytes.fromhex(named.prev_hash)
    except (msgspec.MsgspecError, ValueError):
        return None
    start = _find(record, _HASH, named.hash)
    if start < 0:
        return None
    middle = start + len(_HASH) + _HEX + 2
    stop = _find(record, _PREV_HASH, named.prev_hash, middle)
    if stop < 0:
        return None
    rest = stop + len(_PREV_HASH) + _HEX + 2
    body = b"".join((previous, record[:start], record[middle:stop], record[rest:]))
    return named if hashlib.sha256(body).hexdigest() == named.hash else None


def genuine_body(body: bytes, prev_hash: str, current: str) -> Named | None:
    """The record of a body that follows ``prev_hash``, if ``current`` is its hash."""
    try:
        if hashlib.sha256(bytes.fromhex(prev_hash) + body).hexdigest() != current:
            return None
        named = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError):
        return None
    if named.hash or named.prev_hash:
        return None
    named.prev_hash, named.hash = prev_hash, current
    return named


def _find(record: bytes, name: bytes, value: str, begin: int = 0) -> int:
    """Where ``name`` stands with this value and between the right neighbours; -1 if unsure.

    An object inside the record may have such a member, too, but the body that cutting it
    out would leave was never hashed: it would still have the outer one.
    """
    text = value.encode()
    if len(text) != _HEX:
        return -1
    start = record.find(name + text + b'",', begin)
    end = start + len(name) + _HEX + 2
    own = name[:-1]
    if start < 0 or record[end : end + 1] != b'"' or record[end : end + len(own)] <= own:
        return -1
    return start if _key_before(record, start) < own else -1


def _key_before(record: bytes, start: int) -> bytes:
    """The member ``"name":`` that ends before ``start``, if its value is plain.

    Else something that sorts behind every name.
    """
    end = start - 1  # of the comma
    if record[end : end + 1] != b",":
        return b"\xff"
    last = record[end - 1 : end]
    if last == b'"':
        value = record.rfind(b'"', 0, end - 1)
    else:
        value = record.rfind(b":", 0, end) + 1
        if not record[value:end].isalnum():  # null, true, false, a number
            return b"\xff"
    colon = value - 1
    name = record.rfind(b'"', 0, colon - 1)
    if record[colon - 1 : colon + 1] != b'":' or record[name - 1 : name] not in (b",", b"{"):
        return b"\xff"
    return record[name : colon + 1]
