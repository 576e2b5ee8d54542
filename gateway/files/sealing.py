"""Data keys of files and batches: made, wrapped by the tenant's keys, opened again.

    master key -> tenant's wrapping key -> data key of one file or batch -> its pieces

Each sealed piece is bound to its tenant, object, part and number, so that no row can be moved.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidTag
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.ids import new_id
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import new_key, open_sealed, seal, unwrap_data_key, wrap_data_key
from gateway.vault.models import VaultDataKey
from gateway.vault.wrapping import KeyWrapper, current_keys, tenant_keys


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """The data key of one file or batch."""

    tenant: str
    object_id: str
    id: str
    plain: bytes = field(repr=False)

    @classmethod
    def new(cls, tenant: str, object_id: str) -> "ObjectKey":
        return cls(tenant, object_id, new_id("ok"), new_key())

    def seal(self, content: bytes, part: str, number: int = 0) -> bytes:
        return seal(self.plain, content, *self._place(part, number))

    def open(self, sealed: bytes, part: str, number: int = 0) -> bytes:
        """Raises ``VaultKeyUnusable``: another key, another place or changed bytes."""
        try:
            return open_sealed(self.plain, sealed, *self._place(part, number))
        except InvalidTag:
            raise _lost(self.object_id) from None

    def _place(self, part: str, number: int) -> tuple[str, ...]:
        return ("object", self.tenant, self.object_id, part, str(number), self.id)


class ObjectKeys:
    """Finds and makes them; a tenant's first object makes the tenant's keys."""

    def __init__(self, database: Database, wrapper: KeyWrapper) -> None:
        self._database = database
        self._wrapper = wrapper

    async def prepare(self, tenant: str, now: datetime) -> None:
        """Before ``wrap``: the tenant has keys."""
        await tenant_keys(self._database, self._wrapper, tenant, now)

    async def wrap(self, session: AsyncSession, key: ObjectKey) -> bytes:
        """Under the tenant's keys, which stay as they are until the transaction ends."""
        keys = await current_keys(session, self._wrapper, key.tenant, lock=True)
        if keys is None:
            raise _lost(key.object_id)
        return wrap_data_key(keys, key.id, key.plain)

    async def open(
        self, session: AsyncSession, tenant: str, object_id: str, key_id: str
    ) -> ObjectKey:
        """Raises ``VaultKeyUnusable``: it was destroyed."""
        keys = await current_keys(session, self._wrapper, tenant)
        row = await session.get(VaultDataKey, (tenant, key_id))
        if keys is None or row is None:
            raise _lost(object_id)
        try:
            plain = unwrap_data_key(keys, key_id, row.wrapped)
        except InvalidTag:
            raise _lost(object_id) from None
        return ObjectKey(tenant, object_id, key_id, plain)


def _lost(object_id: str) -> VaultKeyUnusable:
    return VaultKeyUnusable(
        f"The content of {object_id} cannot be opened: its key was destroyed, or the vault's"
        " master key is another one. Upload it again."
    )
