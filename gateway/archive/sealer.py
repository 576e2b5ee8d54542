"""Seals bodies before they reach the journal: no byte of them is on a disk in clear.

    master key -> tenant's wrapping key -> data key of one owner -> body      (AES-256-GCM)

A data key is made in this process, for one owner, and travels wrapped with each body that it
seals, so that sealing needs no database once the tenant's keys are known. The drain stores key
and body. Erasing a person destroys the keys and changes the wrapping key.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.clock import Clock, isoformat
from core.database import Database
from core.ids import new_id
from gateway.archive.repository import KEY_PREFIX
from gateway.vault.keys import TenantKeys, new_key, open_sealed, seal, wrap_data_key
from gateway.vault.wrapping import KeyWrapper, tenant_keys

MOST_KEYS = 10_000  # data keys in memory, about 0.5 KB each
KEY_LIFE_S = 24 * 3600.0
RETIRED_S = 600.0  # how long bodies under way may still need a key that is no longer used


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key as it is held in memory, and when it was made (monotonic seconds)."""

    id: str
    tenant: str
    owner: str
    plain: bytes = field(repr=False)
    made: float = 0.0


@dataclass(frozen=True, slots=True)
class SealedBody:
    """One part of one request, sealed; ``to_json`` is how it stands in the journal."""

    tenant: str
    request_id: str
    part: str  # prompt | answer
    key_id: str
    owner: str
    wrapped: bytes
    generation: str  # of the tenant's keys that wrapped the key
    sealed: bytes
    at: str
    expires: str

    @property
    def digest(self) -> str:
        """What the audit record says of it: SHA-256 of the sealed bytes, in hex."""
        return hashlib.sha256(self.sealed).hexdigest()

    def to_json(self) -> dict[str, str]:
        texts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **texts,
            "wrapped": b64encode(self.wrapped).decode(),
            "sealed": b64encode(self.sealed).decode(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "SealedBody":
        return cls(
            **{
                **content,
                "wrapped": b64decode(content["wrapped"]),
                "sealed": b64decode(content["sealed"]),
            }
        )


class BodySealer:
    """One per process; use it from one event loop."""

    def __init__(self, database: Database, clock: Clock, wrapper: KeyWrapper) -> None:
        self._database = database
        self._clock = clock
        self.wrapper = wrapper
        self._tenants: dict[str, TenantKeys] = {}
        self._keys: OrderedDict[tuple[str, str], DataKey] = OrderedDict()
        self._retired: dict[str, tuple[DataKey, float]] = {}

    async def prepare(self, tenant: str) -> None:
        """Load the tenant's keys, where they are not known yet.

        Raises:
            SQLAlchemyError, OSError: the database does not answer.
            VaultKeyUnusable
        """
        if tenant not in self._tenants:
            now = self._clock.now()
            self._tenants[tenant] = await tenant_keys(self._database, self.wrapper, tenant, now)

    def seal(
        self,
        tenant: str,
        request_id: str,
        part: str,
        content: bytes,
        *,
        owner: str,
        expires: datetime,
    ) -> SealedBody:
        """After ``prepare``; ``owner`` is whose body it is."""
        keys, key = self._tenants[tenant], self._key(tenant, owner)
        return SealedBody(
            tenant=tenant,
            request_id=request_id,
            part=part,
            key_id=key.id,
            owner=owner,
            wrapped=wrap_data_key(keys, key.id, key.plain),
            generation=keys.generation,
            sealed=seal(key.plain, content, "body", tenant, request_id, part, key.id),
            at=isoformat(self._clock.now()),
            expires=isoformat(expires),
        )

    def changed(self, keys: TenantKeys, erased: set[str]) -> None:
        """The tenant's keys are other ones now; forget the data keys of owners ``erased``."""
        self._tenants[keys.tenant] = keys
        until = self._clock.monotonic() + RETIRED_S
        for place in [place for place in self._keys if place[0] == keys.tenant]:
            key = self._keys.pop(place)
            self._retired[key.id] = (key, until)
        for key_id, (key, end) in list(self._retired.items()):
            gone = key.tenant == keys.tenant and key.owner in erased
            if gone or end < self._clock.monotonic():
                del self._retired[key_id]

    def purpose_key(self, tenant: str, purpose: str) -> bytes:
        """After ``prepare``: a key of the tenant's for something else, such as its cache;
        erasing anybody changes it."""
        keys = self._tenants[tenant]
        text = f"{purpose}\0{tenant}".encode()
        return hmac.digest(keys.wrapping, text, hashlib.sha256)

    def plain(self, key_id: str) -> bytes | None:
        """A data key of bodies that were under way when the tenant's keys were changed."""
        found = self._retired.get(key_id)
        return None if found is None else found[0].plain

    def _key(self, tenant: str, owner: str) -> DataKey:
        now, place = self._clock.monotonic(), (tenant, owner)
        key = self._keys.get(place)
        if key is None or now - key.made > KEY_LIFE_S:
            key = self._keys[place] = DataKey(new_id(KEY_PREFIX), tenant, owner, new_key(), now)
        self._keys.move_to_end(place)
        while len(self._keys) > MOST_KEYS:
            _, oldest = self._keys.popitem(last=False)
            self._retired[oldest.id] = (oldest, now + RETIRED_S)
        return key


def open_body(
    key: bytes, sealed: bytes, tenant: str, request_id: str, part: str, key_id: str
) -> bytes:
    """Raises ``InvalidTag`` for another key, another place or changed bytes."""
    return open_sealed(key, sealed, "body", tenant, request_id, part, key_id)
