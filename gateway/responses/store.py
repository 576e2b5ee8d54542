"""Keeping turns and finding them again: sealed on the way in, opened on the way out.

    master key -> tenant's wrapping key -> data key of one turn -> the turn      (AES-256-GCM)

What is sealed is what the client sent and got, with its own values: it gets that back, and the
guards of a later request mask it anew. A turn has a key of its own, so that it can be destroyed
alone, in old copies of the database too.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.ids import new_id
from gateway.errors import BodyTooLarge
from gateway.responses.errors import InvalidEncryptedContent, PreviousResponseNotFound
from gateway.responses.models import StoredResponse
from gateway.responses.repository import Link, ResponseRepository
from gateway.tenants.errors import DatabaseUnavailable
from gateway.tenants.keys import Principal
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import (
    TenantKeys,
    new_key,
    open_sealed,
    seal,
    unwrap_data_key,
    wrap_data_key,
)
from gateway.vault.wrapping import KeyWrapper, current_keys, tenant_keys

_AWAY = (SQLAlchemyError, OSError, TimeoutError)
_PLACE = "response"
_ID = re.compile(r"resp_[0-9a-z]{1,59}")  # others are not ours, and no database need be asked
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn in clear.

    Args:
        response: the response object that the client got.
        input: the items that the request brought, with ids.
    """

    id: str
    thread: str
    previous_id: str | None
    response: dict[str, Any]
    input: list[dict[str, Any]]


class ReasoningSeal:
    """Seals reasoning that a client keeps for the next turn; bound to the tenant."""

    def __init__(self, keys: TenantKeys) -> None:
        self._key = keys.digest(_PLACE, "reasoning")
        self._tenant = keys.tenant

    def seal(self, text: str) -> str:
        sealed = seal(self._key, text.encode("utf-8", "surrogatepass"), "reasoning", self._tenant)
        return b64encode(sealed).decode()

    def open(self, sealed: str) -> str:
        """Raises ``InvalidEncryptedContent``."""
        try:
            plain = open_sealed(self._key, b64decode(sealed, validate=True), "reasoning",
                                self._tenant)  # fmt: skip
        except (InvalidTag, ValueError):
            raise InvalidEncryptedContent(
                "The `encrypted_content` of a reasoning item cannot be opened; send it back as it"
                " came from this gateway, or leave the item out.",
                param="input",
            ) from None
        return plain.decode("utf-8", "surrogatepass")


class ResponseStore:
    """One per process."""

    def __init__(self, database: Database, clock: Clock, wrapper: KeyWrapper) -> None:
        self._database = database
        self._clock = clock
        self._wrapper = wrapper

    async def reasoning_seal(self, tenant: str) -> ReasoningSeal:
        """Raises ``DatabaseUnavailable``."""
        try:
            return ReasoningSeal(await self._keys(tenant))
        except (*_AWAY, VaultKeyUnusable) as error:
            raise _unavailable(error) from None

    async def keep(
        self,
        principal: Principal,
        turn: StoredTurn,
        *,
        owner: str,
        values: Iterable[str],
        since: datetime,
        kept: timedelta,
    ) -> bool:
        """Store a turn; whether it is stored.

        It is not where the database is away, or where the person was erased meanwhile.

        Args:
            owner: an end user's pseudonym, else the API key's id.
            values: what was masked in it, in clear.
            since: when the request came.
        """
        tenant = principal.tenant
        try:
            await self._keys(tenant)
            async with self._database.transaction() as session:
                keys = await current_keys(session, self._wrapper, tenant, lock=True)
                repository = ResponseRepository(session, tenant)
                if keys is None or await repository.erased_since(owner, since):
                    return False
                key_id, key = new_id("rk"), new_key()
                sealed = seal(key, _pack(turn), _PLACE, tenant, turn.id, key_id)
                row = {
                    "id": turn.id,
                    "project_id": principal.project_id,
                    "thread": turn.thread,
                    "previous_id": turn.previous_id,
                    "key_id": key_id,
                    "sealed": sealed,
                    "size": len(sealed),
                    "created_at": self._clock.now(),
                    "expires_at": since + kept,
                }
                await repository.add(
                    row,
                    owner=owner,
                    wrapped=wrap_data_key(keys, key_id, key),
                    subjects=map(keys.subject, values),
                )
        except (*_AWAY, VaultKeyUnusable) as error:
            # The error's own text may quote parameters of a statement.
            _log.warning("responses.not_stored", error_type=type(error).__name__)
            return False
        return True

    async def find(self, principal: Principal, response_id: str) -> StoredTurn | None:
        """A turn of the caller's project; raises ``DatabaseUnavailable``."""
        if not _ID.fullmatch(response_id):
            return None
        try:
            async with self._database.session() as session:
                repository = ResponseRepository(session, principal.tenant)
                rows = await repository.find(principal.project_id, [response_id], self._clock.now())
                opened = await self._open(session, principal.tenant, rows)
        except _AWAY as error:
            raise _unavailable(error) from None
        return opened.get(response_id)

    async def chain(
        self, principal: Principal, response_id: str, *, most: int, cut: bool = False
    ) -> list[StoredTurn]:
        """A turn and all before it, the first one first.

        Args:
            most: bytes that they may come to.
            cut: leave out the oldest turns where it is more.

        Raises:
            PreviousResponseNotFound: one of them is not there (any more).
            BodyTooLarge: they are more than ``most``.
            DatabaseUnavailable
        """
        if not _ID.fullmatch(response_id):
            raise _no_turn()
        try:
            async with self._database.session() as session:
                repository, now = ResponseRepository(session, principal.tenant), self._clock.now()
                links = await repository.links(principal.project_id, response_id, now)
                ids = _chain(links, response_id, most, cut=cut)
                rows = await repository.find(principal.project_id, ids, now)
                opened = await self._open(session, principal.tenant, rows)
        except _AWAY as error:
            raise _unavailable(error) from None
        if len(opened) != len(ids):
            raise _no_turn()
        return [opened[each] for each in reversed(ids)]

    async def delete(self, principal: Principal, response_id: str) -> bool:
        """Destroy a turn; whether it was there. Raises ``DatabaseUnavailable``."""
        if not _ID.fullmatch(response_id):
            return False
        try:
            async with self._database.transaction() as session:
                repository = ResponseRepository(session, principal.tenant)
                return await repository.delete(principal.project_id, response_id, self._clock.now())
        except _AWAY as error:
            raise _unavailable(error) from None

    async def _keys(self, tenant: str) -> TenantKeys:
        return await tenant_keys(self._database, self._wrapper, tenant, self._clock.now())

    async def _open(
        self, session: AsyncSession, tenant: str, rows: list[tuple[StoredResponse, bytes]]
    ) -> dict[str, StoredTurn]:
        """Those that open; what does not has lost its key and is gone."""
        if not rows:
            return {}
        try:
            keys = await current_keys(session, self._wrapper, tenant)
        except VaultKeyUnusable as error:
            raise _unavailable(error) from None
        opened: dict[str, StoredTurn] = {}
        for row, wrapped in rows if keys is not None else ():
            try:
                key = unwrap_data_key(keys, row.key_id, wrapped)  # type: ignore[arg-type]
                plain = open_sealed(key, row.sealed, _PLACE, tenant, row.id, row.key_id)
            except InvalidTag:
                continue
            content = msgspec.json.decode(plain)
            opened[row.id] = StoredTurn(
                row.id, row.thread, row.previous_id, content["response"], content["input"]
            )
        return opened


def _chain(links: Mapping[str, Link], response_id: str, most: int, *, cut: bool) -> list[str]:
    """The turns that lead to one, latest first: a thread may have branches."""
    chain: list[str] = []
    wanted: str | None = response_id
    left = most
    while wanted is not None:
        if wanted not in links:
            raise _no_turn()
        left -= links[wanted].size
        if left < 0 and cut and chain:
            break
        if left < 0:
            raise BodyTooLarge(
                f"The earlier turns come to more than {most} bytes; begin a new conversation, or"
                " set `truncation` to 'auto'.",
                param="previous_response_id",
            )
        chain.append(wanted)
        wanted = links[wanted].previous_id
    return chain


def _no_turn() -> PreviousResponseNotFound:
    return PreviousResponseNotFound(
        "The previous response, or a turn before it, is not stored (any more); send the earlier"
        " turns in `input`.",
        param="previous_response_id",
    )


def _pack(turn: StoredTurn) -> bytes:
    return msgspec.json.encode({"response": turn.response, "input": turn.input})


def _unavailable(error: Exception) -> DatabaseUnavailable:
    _log.warning("responses.unavailable", error_type=type(error).__name__)
    return DatabaseUnavailable("Stored responses cannot be reached now; try again later.")
