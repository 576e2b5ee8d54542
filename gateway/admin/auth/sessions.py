"""Session tokens as values: making one, hashing one, deriving its CSRF token.

The CSRF token is derived from the session token, so that it needs no storage and
a stolen database yields neither.
"""

import hashlib
import hmac
import secrets


def new_token() -> str:
    """256 random bits as text for a cookie or an Authorization header."""
    return secrets.token_urlsafe(32)


def token_hash(pepper: bytes, token: str) -> str:
    """What the database stores: 64 hex digits."""
    return _derive(pepper, b"session", token)


def csrf_token(pepper: bytes, token: str) -> str:
    return _derive(pepper, b"csrf", token)


def attempt_hash(pepper: bytes, kind: str, value: str) -> str:
    """An account or address as the throttle stores it."""
    return _derive(pepper, b"attempt:" + kind.encode(), value)


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def _derive(pepper: bytes, purpose: bytes, value: str) -> str:
    message = purpose + b"\0" + value.encode("utf-8", "surrogatepass")
    return hmac.new(pepper, message, hashlib.sha256).hexdigest()
