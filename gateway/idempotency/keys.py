"""Serves requests that carry ``Idempotency-Key``; others never come here.

A key belongs to one API key. Its row says who serves the request, in which process, until when:
a process renews what it serves, so that the key of one that was killed is free again within
``HELD``. The answer is sealed under the tenant's keys; it does not outlive their change.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.database import Database
from core.tasks import cancel
from gateway.http.connection import Connection
from gateway.idempotency.connection import KeptConnection
from gateway.idempotency.errors import (
    IdempotencyKeyReused,
    IdempotentAnswerGone,
    InvalidIdempotencyKey,
    RequestInProgress,
)
from gateway.idempotency.models import IdempotencyKey
from gateway.idempotency.repository import DONE, DROPPED, RUNNING, IdempotencyRepository, renew
from gateway.settings import IdempotencySettings, PolicySettings
from gateway.tenants.errors import DatabaseUnavailable
from gateway.tenants.keys import Principal
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import open_sealed, seal
from gateway.vault.wrapping import KeyWrapper, current_keys, tenant_keys

HEADER = b"idempotency-key"
REPLAY = (b"x-sovgate-idempotent-replay", b"true")
HELD = timedelta(seconds=30)
_RENEW_S = 8.0
_LONGEST = 255
_PURPOSE = b"sovgate-idempotency-1\0"
_AWAY = (SQLAlchemyError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)

Who = Callable[[Connection], Awaitable[tuple[Principal, PolicySettings]]]
# Serves a request; whether its answer is the one to give again.
Serve = Callable[[Connection], Awaitable[bool]]


class Kept(msgspec.Struct, array_like=True):
    """An answer as it went out."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class IdempotencyKeys:
    """One per process.

    Args:
        holder: names this run of this process, and no other one.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wrapper: KeyWrapper,
        settings: IdempotencySettings,
        *,
        pepper: bytes,
        holder: str,
        max_body_bytes: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wrapper = wrapper
        self._settings = settings
        self._pepper = pepper
        self._holder = holder
        self._max_body_bytes = max_body_bytes
        self._serving: dict[str, KeptConnection] = {}  # by the key's name
        self._renewing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        await cancel(self._renewing)

    async def serve(self, connection: Connection, who: Who, serve: Serve) -> None:
        """Serve a request that carries a key, or give its answer again.

        Raises:
            AuthenticationError: as ever.
            InvalidIdempotencyKey, IdempotencyKeyReused, RequestInProgress, IdempotentAnswerGone
            DatabaseUnavailable: nobody can tell whether this was served before.
        """
        given = connection.header(HEADER) or ""
        if not 1 <= len(given) <= _LONGEST or not all("!" <= each <= "~" for each in given):
            raise InvalidIdempotencyKey(
                f"`Idempotency-Key` takes 1 to {_LONGEST} printable characters without spaces."
            )
        principal, policy = await who(connection)
        body = await connection.read_body(self._max_body_bytes)
        name = self._digest(b"name", principal.tenant, principal.key_id, given)
        path = connection.scope["path"]
        request = self._digest(b"request", principal.tenant, path, policy.digest, body)
        first = self._serving.get(name)
        found = await self._claim(principal, name, request)
        if found is not None and first is not None and first.answered:
            await first.settled.wait()  # its client has the answer, and may ask at once
            found = await self._claim(principal, name, request)
        if found is not None:
            await self._repeat(connection, principal, found, request)
            return
        streamed = b'"stream"' in body and _is_streamed(body)
        kept = KeptConnection(connection, body, self._settings.max_answer_bytes, watched=streamed)
        self._serving[name] = kept
        self._renewing = self._renewing or asyncio.create_task(self._renew())
        valid = False
        try:
            valid = await serve(kept)
        finally:
            await asyncio.shield(self._settle(principal, name, kept, valid=valid))

    async def _claim(self, principal: Principal, name: str, request: str) -> IdempotencyKey | None:
        """``None`` where the key is ours now."""
        now = self._clock.now()
        try:
            await tenant_keys(self._database, self._wrapper, principal.tenant, now)
            async with self._database.transaction() as session:
                repository = IdempotencyRepository(session, principal.tenant, principal.key_id)
                ours = await repository.claim(
                    name,
                    request,
                    holder=self._holder,
                    now=now,
                    held_until=now + HELD,
                    expires=now + timedelta(hours=self._settings.keep_hours),
                )
                return None if ours else await repository.find(name)
        except (*_AWAY, VaultKeyUnusable) as error:
            _log.warning("idempotency.unavailable", error_type=type(error).__name__)
            raise DatabaseUnavailable(
                "Idempotency keys cannot be looked up now; try again later, or without one."
            ) from None

    async def _repeat(
        self, connection: Connection, principal: Principal, found: IdempotencyKey, request: str
    ) -> None:
        if found.request != request:
            raise IdempotencyKeyReused(
                "This Idempotency-Key belongs to another request, or the tenant's policy has"
                " changed since; use a new one."
            )
        if found.status == RUNNING:
            raise RequestInProgress(
                "The first request of this Idempotency-Key is still being served; ask again.",
                retry_after_s=2,
            )
        answer = await self._open(principal, found)
        if answer is None:
            raise IdempotentAnswerGone(
                "The first request of this Idempotency-Key was answered, and its answer is not"
                " kept; use a new one to ask, and be billed, again."
            )
        await connection.start(answer.status, [*answer.headers, REPLAY])
        await connection.write(answer.body)

    async def _open(self, principal: Principal, found: IdempotencyKey) -> Kept | None:
        if found.answer is None:
            return None
        try:
            async with self._database.session() as session:
                keys = await current_keys(session, self._wrapper, principal.tenant)
            if keys is None or keys.generation != found.generation:
                return None
            place = ("idempotency", principal.tenant, principal.key_id, found.name)
            plain = open_sealed(keys.wrapping, found.answer, *place)
        except InvalidTag:
            return None
        except (*_AWAY, VaultKeyUnusable):
            raise DatabaseUnavailable("The answer cannot be reached now; ask again.") from None
        return msgspec.msgpack.decode(plain, type=Kept)

    async def _settle(
        self, principal: Principal, name: str, kept: KeptConnection, *, valid: bool
    ) -> None:
        """Keep the answer, or free the key; where the database is away, the hold runs out."""
        try:
            async with self._database.transaction() as session:
                repository = IdempotencyRepository(session, principal.tenant, principal.key_id)
                if not valid:
                    await repository.free(name, self._holder)
                    return
                keys = await current_keys(session, self._wrapper, principal.tenant, lock=True)
                if kept.too_large or keys is None:
                    await repository.keep(name, self._holder, {"status": DROPPED})
                    return
                answer = Kept(kept.status, kept.answer_headers, bytes(kept.answer))
                place = ("idempotency", principal.tenant, principal.key_id, name)
                sealed = seal(keys.wrapping, msgspec.msgpack.encode(answer), *place)
                values = {"status": DONE, "generation": keys.generation, "answer": sealed}
                await repository.keep(name, self._holder, values)
        except (*_AWAY, VaultKeyUnusable) as error:
            _log.warning("idempotency.not_settled", error_type=type(error).__name__)
        finally:
            if self._serving.get(name) is kept:
                del self._serving[name]
            kept.settled.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            if not self._serving:
                continue
            try:
                async with self._database.transaction() as session:
                    await renew(session, self._holder, self._clock.now() + HELD)
            except _AWAY as error:
                _log.warning("idempotency.not_renewed", error_type=type(error).__name__)

    def _digest(self, *parts: bytes | str) -> str:
        mac = hmac.new(self._pepper, _PURPOSE, hashlib.sha256)
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            mac.update(len(raw).to_bytes(8, "big") + raw)
        return mac.hexdigest()


def _is_streamed(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body).get("stream") is True
    except (ValueError, AttributeError, RecursionError):
        return False
