"""Passwords of administrator accounts: Argon2id hashes, made off the event loop.

Argon2 takes tens of milliseconds and 64 MiB on purpose, so that few run at the
same time and an unknown account costs as much as a wrong password.
"""

import asyncio
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_PARALLEL = 2


class Passwords:
    """Hashes and verifies.

    Args:
        hasher: Argon2 parameters; the library's defaults follow RFC 9106.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(_PARALLEL)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; ``None`` (no such account) costs the same and never fits."""
        async with self._slots:
            fits = await asyncio.to_thread(self._verify, password_hash or self._decoy, password)
        return fits and password_hash is not None

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash("a password that no account has")

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
