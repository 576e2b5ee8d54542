"""The vault of one process: a request's conversation in, what it has learned out."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import structlog

from core.clock import Clock
from core.database import Database
from core.tasks import cancel
from gateway.vault.conversations import Conversations, Held
from gateway.vault.errors import VaultKeyUnusable, VaultUnavailable
from gateway.vault.keys import TenantKeys
from gateway.vault.recognition import Marks, marks_of
from gateway.vault.repository import VaultRepository, generations, purge_expired
from gateway.vault.sealing import open_entries
from gateway.vault.wrapping import KeyWrapper, tenant_keys
from gateway.vault.writer import FAILURES, VaultWriter
from guardrails.pii import ScopeMemory

GATHER_S = 0.5
_log = structlog.get_logger(__name__)
_FAILURES = (*FAILURES, TimeoutError, VaultKeyUnusable)


class _Away(TimeoutError):
    """The database did not answer a moment ago."""


@dataclass(frozen=True, slots=True)
class VaultOptions:
    """How the vault behaves.

    Args:
        required: refuse requests while the vault cannot be asked.
        ttl: how long a conversation lives after its latest turn.
        conversations: most held in memory.
        entries: most values of one conversation; then it begins anew.
        timeout_s: longest wait for the database in a request.
        retry_s: how long it is not asked again for a request when it did not answer.
        watch_s: seconds between looks at whether keys have changed.
        purge_s: seconds between removals of what has expired.
        alone: no other process serves this deployment's conversations, so that a turn need not
            wait until what it issued is written: that gathers for ``GATHER_S``, and a crash
            loses what was issued meanwhile.
    """

    required: bool = False
    ttl: timedelta = timedelta(days=7)
    conversations: int = 10_000
    entries: int = 5_000
    timeout_s: float = 2.0
    retry_s: float = 1.0
    watch_s: float = 5.0
    purge_s: float = 3_600.0
    alone: bool = False


class Vault:
    """Gives conversations their memories.

    Args:
        on_failure: told the operation that the database did not do, for metrics.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        master: KeyWrapper,
        options: VaultOptions,
        *,
        on_failure: Callable[[str], None] = lambda operation: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._options = options
        self._count_failure = on_failure
        self._tenants: dict[str, TenantKeys] = {}
        self._loading = asyncio.Lock()
        self._held = Conversations(options.conversations)
        # Weak on both sides: a value that holds its own key would be kept for ever.
        self._of_memory: WeakKeyDictionary[ScopeMemory, ReferenceType[Held]] = WeakKeyDictionary()
        self._writes: WeakKeyDictionary[ScopeMemory, asyncio.Future[bool]] = WeakKeyDictionary()
        self._writer = VaultWriter(
            database,
            clock,
            ttl=options.ttl,
            gather_s=GATHER_S if self._waits_for_none else 0.0,
            on_failure=self._failed,
            on_changed_keys=self._forget,
        )
        self._watcher: asyncio.Task[None] | None = None
        self._away_until = float("-inf")

    async def start(self) -> None:
        await self._writer.start()
        self._watcher = asyncio.create_task(self._watch(), name="vault-watcher")

    async def stop(self) -> None:
        await self._writer.stop()
        await cancel(self._watcher)

    async def open(
        self,
        tenant: str,
        key_id: str,
        body: Mapping[str, Any],
        headers: Mapping[bytes, bytes],
        end_user: str | None = None,
    ) -> ScopeMemory:
        """The memory of the request's conversation, a fresh one if it is not known.

        Asks the database only if this process does not know a conversation that has a past.
        Where it does not answer, the memory is fresh too: what it issues is restored all the
        same, but may differ from the stand-ins of earlier turns.

        Raises:
            VaultUnavailable: it does not answer, and the settings require it.
        """
        try:
            async with asyncio.timeout(self._options.timeout_s):
                held = await self._open(tenant, key_id, body, headers)
        except _FAILURES as error:
            self._failed("open", error)
            if self._options.required:
                raise VaultUnavailable(
                    "The vault of conversations does not answer; try again later."
                ) from None
            return ScopeMemory()
        if end_user is not None:
            held.users.add(end_user)
        self._of_memory[held.memory] = ref(held)
        return held.memory

    def keep(self, memory: ScopeMemory) -> None:
        """Begin to write what a request has issued; returns at once."""
        reference = self._of_memory.get(memory)
        held = None if reference is None else reference()  # others may have pushed it out
        if held is None or not (len(memory) and (memory.has_fresh or held.unwritten)):
            return
        self._held.recount(held)
        self._writes[memory] = self._writer.write(held)

    async def kept(self, memory: ScopeMemory) -> None:
        """Wait until it is written, or could not be, where another process may be asked next."""
        if self._waits_for_none:
            return
        write = self._writes.get(memory)
        if write is None or self._is_away:
            return
        try:
            async with asyncio.timeout(self._options.timeout_s):
                await asyncio.shield(write)
        except TimeoutError as error:
            self._failed("write", error)

    async def purge(self) -> int:
        """Remove what has expired; returns the number of conversations."""
        async with self._database.transaction() as session:
            return await purge_expired(session, self._clock.now())

    async def _open(
        self, tenant: str, key_id: str, body: Mapping[str, Any], headers: Mapping[bytes, bytes]
    ) -> Held:
        keys = await self._keys(tenant)
        marks = marks_of(keys, key_id, body, headers)
        held = self._known(tenant, marks)
        now = self._clock.now()
        if held is not None and held.expires_at <= now:
            self._held.forget(held)
            held = None
        if held is None or held.stale or self._was_elsewhere(tenant, marks):
            held = await self._read(keys, marks, held) or held
        if held is None or len(held.memory) >= self._options.entries:
            held = self._new(keys, marks)
        held.expires_at = now + self._options.ttl
        self._held.put(held)
        self._held.note(held, marks.all)
        return held

    def _known(self, tenant: str, marks: Marks) -> Held | None:
        if marks.identifier is not None:
            return self._held.get(tenant, marks.identifier)
        return self._held.of_messages(tenant, marks.history)

    def _was_elsewhere(self, tenant: str, marks: Marks) -> bool:
        """More than our latest answer is new to us: another replica served a turn since."""
        unknown = [digest for digest in marks.history if not self._held.known(tenant, digest)]
        return sum(digest in marks.answers for digest in unknown) > 1

    async def _read(self, keys: TenantKeys, marks: Marks, held: Held | None) -> Held | None:
        """The conversation as the database has it; ``None`` if it has none."""
        if marks.identifier is None and not marks.history:
            return None
        self._check_answers()
        async with self._database.session() as session:
            repository = VaultRepository(session, keys.tenant)
            now = self._clock.now()
            conversation = marks.identifier or (held.id if held is not None else None)
            if conversation is None:
                conversation = await repository.conversation_of(marks.history, now)
            if conversation is None:
                return None
            rows = await repository.entries_of(conversation, now)
        if not rows and marks.identifier is None:
            return None
        read = self._make(keys, conversation, open_entries(keys, rows))
        if held is not None:
            read.unwritten |= held.unwritten
            read.users |= held.users
            for entry in held.memory.take_fresh():  # what could not be written yet
                if read.memory.get(entry.entity_type, entry.value, entry.mode) is None:
                    read.memory.add(entry)
        return read

    def _new(self, keys: TenantKeys, marks: Marks) -> Held:
        known = marks.identifier is not None and self._held.get(keys.tenant, marks.identifier)
        return self._make(keys, secrets.token_hex(16) if known else marks.identifier, ())

    def _make(self, keys: TenantKeys, conversation: str | None, entries: Any) -> Held:
        name = conversation or secrets.token_hex(16)
        memory = ScopeMemory(
            name,
            hash_key=partial(keys.digest, "hash"),
            secret=partial(keys.digest, "surrogates", name),
            remembered=entries,
        )
        return Held(keys.tenant, name, keys, memory, self._clock.now() + self._options.ttl)

    async def _keys(self, tenant: str) -> TenantKeys:
        keys = self._tenants.get(tenant)
        if keys is None:
            async with self._loading:  # many requests begin at once: one asks
                self._check_answers()
                keys = self._tenants.get(tenant) or await self._load_keys(tenant)
                self._tenants[tenant] = keys
        return keys

    async def _load_keys(self, tenant: str) -> TenantKeys:
        return await tenant_keys(self._database, self._master, tenant, self._clock.now())

    async def _watch(self) -> None:
        """Forget tenants whose keys were changed; remove what has expired."""
        purged = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._options.watch_s)
            try:
                async with self._database.session() as session:
                    current = await generations(session)
                for tenant, keys in list(self._tenants.items()):
                    if current.get(tenant) != keys.generation:
                        self._forget(tenant)
                if self._clock.monotonic() - purged >= self._options.purge_s:
                    purged = self._clock.monotonic()
                    await self.purge()
            except _FAILURES as error:
                self._failed("watch", error)

    @property
    def _waits_for_none(self) -> bool:
        return self._options.alone and not self._options.required

    @property
    def _is_away(self) -> bool:
        return self._clock.monotonic() < self._away_until

    def _check_answers(self) -> None:
        """While the database does not answer, requests do not wait for it one after the other."""
        if self._is_away:
            raise _Away

    def _forget(self, tenant: str) -> None:
        self._tenants.pop(tenant, None)
        self._held.drop(tenant)

    def _failed(self, operation: str, error: Exception) -> None:
        self._count_failure(operation)
        if isinstance(error, _Away):
            return
        self._away_until = self._clock.monotonic() + self._options.retry_s
        # The error's own text may quote parameters of a statement.
        _log.warning("vault.failed", operation=operation, error_type=type(error).__name__)
