"""Virtual API keys as values: making one, hashing one, and what one stands for.

Knows no database. A key is ``sov-`` and 43 base-62 characters (256 bits); at rest
there is only HMAC-SHA256(pepper, key), so that a stolen database opens nothing.
"""

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from datetime import datetime

from gateway.tenants.errors import InvalidValue
from gateway.tenants.limits import Limits

PREFIX = "sov-"
PREFIX_SHOWN = 8
_LENGTH = 43
_ALPHABET = string.digits + string.ascii_letters
_MIN_GIVEN = 8
_MAX_GIVEN = 256


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request acts for, as the pipeline carries it."""

    tenant: str
    project_id: str
    key_id: str
    key_name: str
    policy: str
    limits: Limits  # of the key, tightened by the tenant's
    tenant_limits: Limits  # shared by all keys of the tenant
    tenant_active: bool
    expires_at: datetime | None
    organisation: str | None = None  # of the tenant


def new_key() -> str:
    """A fresh key; show it once and keep only its hash."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


class KeyHasher:
    """HMAC-SHA256 of keys under one pepper, whose part of the work is done once (RFC 2104)."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, pepper: bytes) -> None:
        block = hashlib.sha256().block_size
        key = hashlib.sha256(pepper).digest() if len(pepper) > block else pepper
        key = key.ljust(block, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def digest(self, api_key: str) -> bytes:
        """``key_digest``, in a third of its time."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(api_key.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return outer.digest()


def key_digest(pepper: bytes, api_key: str) -> bytes:
    """HMAC-SHA256 of a key."""
    return hmac.digest(pepper, api_key.encode("utf-8", "surrogatepass"), "sha256")


def key_hash(pepper: bytes, api_key: str) -> str:
    """``key_digest`` as the database stores it: 64 hex digits."""
    return key_digest(pepper, api_key).hex()


def check_given(value: str) -> str:
    """A key that was chosen elsewhere (bootstrap from the environment).

    Raises:
        InvalidValue: if it is too short to be a secret or cannot travel in a header.
    """
    fits = _MIN_GIVEN <= len(value) <= _MAX_GIVEN
    if not fits or not all("!" <= character <= "~" for character in value):
        raise InvalidValue(
            f"A given API key needs {_MIN_GIVEN} to {_MAX_GIVEN} printable ASCII characters "
            "without spaces. Make one with: openssl rand -hex 24",
            param="value",
        )
    return value


def shown_prefix(value: str) -> str:
    """What lists show: the first 8 characters, or fewer of a short given key."""
    return value[: min(PREFIX_SHOWN, len(value) // 3)]
