"""Which recognizers a tenant has now, without asking the database for each request.

Entries live for ``ttl`` and are renewed in the background once half of it is over, so that a
change in another replica holds within seconds. When the database does not answer, the known ones
serve for ``stale`` longer; a tenant whose recognizers are not known is refused, since a value
might pass that only its own recognizer finds.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.database import Database
from gateway.recognizers.policies import PolicyRecognizers
from gateway.recognizers.repository import RecognizerRepository, Stamp
from gateway.recognizers.sealing import Sealer
from gateway.recognizers.service import RecognizerService
from gateway.settings import PolicySettings
from guardrails.errors import GuardUnavailable
from guardrails.pii.custom import Source, Sources, TenantRecognizers, build

_OUTAGE = (SQLAlchemyError, OSError, TimeoutError)
_LOOKUPS = 2  # settlements need the other connections
# The longest that a connection that is given up takes beyond the time-out.
_GIVING_UP_S = 2.0


@dataclass(slots=True)
class _Entry:
    """A tenant's rows as the database had them; instants are of the monotonic clock."""

    stamps: frozenset[Stamp]
    definitions: tuple[Source, ...]
    renew_at: float
    expires_at: float
    stale_until: float
    built: dict[str, TenantRecognizers] = field(default_factory=dict)  # by policy digest


class RecognizerBook:
    """One per process.

    Args:
        policies: what ``check_policies`` gave.
        ttl: how long another replica's change may go unnoticed.
        stale: how long known recognizers outlive ``ttl`` while the database is down.
        lookup_timeout: a database that takes longer counts as down.
        size: the most tenants remembered.
    """

    def __init__(
        self,
        database: Database,
        policies: Mapping[str, PolicyRecognizers],
        sealer: Sealer,
        clock: Clock,
        *,
        ttl: timedelta = timedelta(seconds=3),
        stale: timedelta = timedelta(minutes=10),
        lookup_timeout: timedelta = timedelta(seconds=5),
        size: int = 4096,
    ) -> None:
        self._database = database
        self._policies = policies
        self._sealer = sealer
        self._clock = clock
        self._ttl = ttl.total_seconds()
        self._stale = stale.total_seconds()
        self._lookup_timeout = lookup_timeout.total_seconds()
        self._size = size
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._loads: dict[str, asyncio.Task[_Entry]] = {}
        self._slots = asyncio.Semaphore(_LOOKUPS)
        self._generation = 0
        self._of_policy: dict[str, TenantRecognizers] = {}

    async def of(self, tenant: str, policy: PolicySettings) -> TenantRecognizers:
        """What the tenant's recognizers find and allow at present.

        Raises:
            GuardUnavailable: they are not known and cannot be loaded, or cannot run.
        """
        entry = await self._entry(tenant)
        built = entry.built if entry.definitions else self._of_policy
        found = built.get(policy.digest)
        if found is None:
            sources = self._sources(entry, policy)
            # Compiling thousands of values takes a while.
            found = built[policy.digest] = await asyncio.to_thread(build, sources)
        return found

    def invalidate(self, tenant: str) -> None:
        """Forget a tenant's recognizers; look-ups under way are repeated."""
        self._generation += 1
        self._entries.pop(tenant, None)

    async def close(self) -> None:
        """Wait for the look-ups under way to be cancelled."""
        loads = list(self._loads.values())
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    async def _entry(self, tenant: str) -> _Entry:
        entry, now = self._entries.get(tenant), self._clock.monotonic()
        if entry is not None and now < entry.expires_at:
            if now >= entry.renew_at:
                entry.renew_at = now + self._ttl / 4  # the next attempt, should this one fail
                self._load(tenant).add_done_callback(_retrieve)
            return entry
        try:
            # Shielded: a client that hangs up must not cancel the look-up of others.
            return await asyncio.shield(self._load(tenant))
        except _OUTAGE:
            entry = self._entries.get(tenant)
            if entry is None or self._clock.monotonic() >= entry.stale_until:
                raise GuardUnavailable(
                    "The tenant's recognizers cannot be loaded because the database does not"
                    " answer, so the request was not let through; try again in a few seconds."
                ) from None
            return entry

    def _load(self, tenant: str) -> "asyncio.Task[_Entry]":
        task = self._loads.get(tenant)
        if task is None:
            task = asyncio.create_task(self._fetch(tenant))
            self._loads[tenant] = task
            task.add_done_callback(lambda _: self._loads.pop(tenant, None))
        return task

    async def _fetch(self, tenant: str) -> _Entry:
        try:
            return await self._read(tenant)
        except _OUTAGE:
            self._extend(tenant)
            raise

    def _extend(self, tenant: str) -> None:
        """During an outage, no request waits for a look-up that ends as the last one did."""
        entry = self._entries.get(tenant)
        if entry is not None:
            now = self._clock.monotonic()
            entry.renew_at = now + self._ttl / 4
            outlived = now + self._ttl + self._lookup_timeout + _GIVING_UP_S
            entry.expires_at = min(max(entry.expires_at, outlived), entry.stale_until)

    async def _read(self, tenant: str) -> _Entry:
        while True:
            generation = self._generation
            async with (
                asyncio.timeout(self._lookup_timeout),
                self._slots,
                self._database.session() as session,
            ):
                stamps = await RecognizerRepository(session, tenant).stamps()
                entry = self._entries.get(tenant)
                if entry is None or entry.stamps != stamps:
                    service = RecognizerService(session, tenant, self._clock, self._sealer)
                    stored = await service.all()
                    stamps = frozenset(Stamp(each.id, each.version) for each in stored)
                    definitions = tuple(Source(each.spec, str(each.version)) for each in stored)
                    entry = _Entry(stamps, definitions, 0, 0, 0)
            if generation == self._generation:
                return self._keep(tenant, entry)

    def _keep(self, tenant: str, entry: _Entry) -> _Entry:
        now = self._clock.monotonic()
        entry.renew_at = now + self._ttl / 2
        entry.expires_at = now + self._ttl
        entry.stale_until = now + self._ttl + self._stale
        self._entries[tenant] = entry
        self._entries.move_to_end(tenant)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return entry

    def _sources(self, entry: _Entry, policy: PolicySettings) -> Sources:
        given = self._policies.get(policy.digest) or PolicyRecognizers.read(policy.pii)
        version = self._sealer.digest(
            policy.digest,
            "" if given.registry is None else given.registry.digest,
            *(f"{each.id}:{each.version}" for each in sorted(entry.stamps)),
        )
        return given.sources(entry.definitions, version[:32])


def _retrieve(task: "asyncio.Task[_Entry]") -> None:
    """A renewal that failed is tried again later; the entry still serves."""
    if not task.cancelled():
        task.exception()
