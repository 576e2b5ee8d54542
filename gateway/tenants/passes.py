"""Passes of job workers: who asks the gateway for a line of a batch in place of an API key.

A worker knows a key's digest, not the key. It signs the digest and an end with the pepper, which
is the deployment's secret; the gateway then treats the request as that key's own, so that a key
that was revoked meanwhile opens nothing.
"""

import hashlib
import hmac
from datetime import datetime

from gateway.tenants.errors import InvalidKey

LINE_PASS = "sov-line."
_PURPOSE = b"sovgate-line-pass-1\0"


def line_pass(pepper: bytes, key_hash: str, ends: datetime) -> str:
    """A pass for requests of the key whose digest this is, until ``ends``."""
    told = f"{key_hash}.{int(ends.timestamp())}"
    return f"{LINE_PASS}{told}.{_mac(pepper, told)}"


def passed_digest(pepper: bytes, given: str, now: datetime) -> bytes:
    """The digest of the key that a pass stands for.

    Raises:
        InvalidKey: it was not made here, or is over.
    """
    told, _, mac = given.removeprefix(LINE_PASS).rpartition(".")
    if not hmac.compare_digest(mac.encode(), _mac(pepper, told).encode()):
        raise InvalidKey
    key_hash, _, ends = told.partition(".")
    if int(ends) < now.timestamp():
        raise InvalidKey
    return bytes.fromhex(key_hash)


def _mac(pepper: bytes, told: str) -> str:
    return hmac.digest(pepper, _PURPOSE + told.encode("utf-8", "replace"), hashlib.sha256).hex()
