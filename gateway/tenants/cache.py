"""From an API key to its principal in microseconds, without asking the database.

Entries live for ``ttl`` and are renewed in the background once half of it is over,
so that a key in use never waits. When the database does not answer, known keys are
served for ``stale`` longer, without waiting for it, and unknown ones raise
``DatabaseUnavailable`` instead of being called invalid. Unknown keys are remembered for
``negative_ttl``, so that a client with a wrong key costs one query in that time.

``invalidate`` holds at once in this process; other replicas notice within ``ttl``.
Plain keys are never kept: entries stand under the HMAC that the database has too.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.database import Database
from gateway.tenants.errors import (
    DatabaseUnavailable,
    InvalidKey,
    KeyExpired,
    KeyRevoked,
    TenantSuspended,
)
from gateway.tenants.keys import KeyHasher, Principal
from gateway.tenants.passes import LINE_PASS, passed_digest
from gateway.tenants.repository import find_key
from gateway.tenants.service import principal_of

_OUTAGE = (SQLAlchemyError, OSError, TimeoutError)
# Unknown keys must not take the connections that settlements need.
_LOOKUPS = 4
# The longest that a connection that is given up takes beyond the time-out.
_GIVING_UP_S = 2.0


@dataclass(slots=True)
class _Entry:
    """A key as the database had it; instants are seconds of the monotonic clock."""

    principal: Principal
    revoked: bool
    renew_at: float
    expires_at: float
    stale_until: float


class KeyCache:
    """One per process.

    Args:
        pepper: the secret of the keyed hash.
        ttl: how long another replica's revocation may go unnoticed.
        negative_ttl: how long an unknown key stays unknown.
        stale: how long known keys outlive ``ttl`` while the database is down.
        lookup_timeout: a database that takes longer counts as down.
        size: the most keys (and the most unknown keys) remembered.
    """

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        *,
        ttl: timedelta = timedelta(seconds=5),
        negative_ttl: timedelta = timedelta(seconds=1),
        stale: timedelta = timedelta(minutes=10),
        lookup_timeout: timedelta = timedelta(seconds=5),
        size: int = 65_536,
    ) -> None:
        self._database = database
        self._pepper = pepper
        self._digest = KeyHasher(pepper).digest
        self._clock = clock
        self._ttl = ttl.total_seconds()
        self._negative_ttl = negative_ttl.total_seconds()
        self._stale = stale.total_seconds()
        self._lookup_timeout = lookup_timeout.total_seconds()
        self._size = size
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._loads: dict[bytes, asyncio.Task[_Entry | None]] = {}
        self._slots = asyncio.Semaphore(_LOOKUPS)
        self._generation = 0

    async def principal(self, api_key: str) -> Principal:
        """Whom a key stands for.

        Raises:
            InvalidKey, KeyRevoked, KeyExpired: the key opens nothing.
            TenantSuspended: its tenant may send nothing at present.
            DatabaseUnavailable: the key is not known here and cannot be looked up.
        """
        if api_key.startswith(LINE_PASS):
            digest = passed_digest(self._pepper, api_key, self._clock.now())
        else:
            digest = self._digest(api_key)
        now = self._clock.monotonic()
        entry = self._entries.get(digest)
        if entry is not None and now < entry.expires_at:
            if now >= entry.renew_at:
                self._renew(digest, entry, now)
            return self._admit(entry)
        if self._unknown.get(digest, 0.0) > now:
            raise InvalidKey
        return self._admit(await self._look_up(digest))

    def invalidate(self, *, key_id: str | None = None, tenant: str | None = None) -> None:
        """Forget a key or a tenant's keys; look-ups under way are repeated."""
        self._generation += 1
        for digest, entry in list(self._entries.items()):
            if entry.principal.key_id == key_id or entry.principal.tenant == tenant:
                del self._entries[digest]

    async def close(self) -> None:
        """Wait for the look-ups under way to be cancelled."""
        loads = list(self._loads.values())
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    def _admit(self, entry: _Entry) -> Principal:
        principal = entry.principal
        if entry.revoked:
            raise KeyRevoked
        if principal.expires_at is not None and principal.expires_at <= self._clock.now():
            raise KeyExpired
        if not principal.tenant_active:
            raise TenantSuspended
        return principal

    async def _look_up(self, digest: bytes) -> _Entry:
        """Ask the database; many requests with one key ask once."""
        try:
            # Shielded: a client that hangs up must not cancel the look-up of others.
            entry = await asyncio.shield(self._load(digest))
        except _OUTAGE:
            entry = self._entries.get(digest)
            if entry is None or self._clock.monotonic() >= entry.stale_until:
                raise DatabaseUnavailable from None
            return entry
        if entry is None:
            raise InvalidKey
        return entry

    def _renew(self, digest: bytes, entry: _Entry, now: float) -> None:
        entry.renew_at = now + self._ttl / 4  # the next attempt, should this one fail
        self._load(digest).add_done_callback(_retrieve)

    def _load(self, digest: bytes) -> "asyncio.Task[_Entry | None]":
        task = self._loads.get(digest)
        if task is None:
            task = asyncio.create_task(self._fetch(digest))
            self._loads[digest] = task
            task.add_done_callback(lambda _: self._loads.pop(digest, None))
        return task

    async def _fetch(self, digest: bytes) -> _Entry | None:
        while True:
            generation = self._generation
            try:
                found = await self._query(digest)
            except _OUTAGE:
                self._extend(digest)
                raise
            if generation == self._generation:
                return self._keep(digest, found)

    async def _query(self, digest: bytes) -> tuple[Principal, bool] | None:
        async with (
            asyncio.timeout(self._lookup_timeout),
            self._slots,
            self._database.session() as session,
        ):
            found = await find_key(session, digest.hex())
        if found is None:
            return None
        key, tenant = found
        return principal_of(key, tenant), key.revoked_at is not None

    def _extend(self, digest: bytes) -> None:
        """During an outage, no request waits for a look-up that ends as the last one did: they
        are repeated in the background, and the entry outlives the next one."""
        entry = self._entries.get(digest)
        if entry is not None:
            now = self._clock.monotonic()
            entry.renew_at = now + self._ttl / 4
            outlived = now + self._ttl + self._lookup_timeout + _GIVING_UP_S
            entry.expires_at = min(max(entry.expires_at, outlived), entry.stale_until)

    def _keep(self, digest: bytes, found: tuple[Principal, bool] | None) -> _Entry | None:
        now = self._clock.monotonic()
        if found is None:
            self._entries.pop(digest, None)
            self._unknown[digest] = now + self._negative_ttl
            _bound(self._unknown, self._size)
            return None
        principal, revoked = found
        entry = _Entry(
            principal=principal,
            revoked=revoked,
            renew_at=now + self._ttl / 2,
            expires_at=now + self._ttl,
            stale_until=now + self._ttl + self._stale,
        )
        self._unknown.pop(digest, None)
        self._entries[digest] = entry
        self._entries.move_to_end(digest)
        _bound(self._entries, self._size)
        return entry


def _bound(entries: OrderedDict, size: int) -> None:
    """Drop the entries that were loaded longest ago."""
    while len(entries) > size:
        entries.popitem(last=False)


def _retrieve(task: "asyncio.Task[_Entry | None]") -> None:
    """A renewal that failed is tried again later; the entry still serves."""
    if not task.cancelled():
        task.exception()
