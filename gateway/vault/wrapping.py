"""The seam to a key management service: who wraps the tenants' keys.

``MasterKeys`` (a file, or an environment variable) is the one that there is. Another one keeps
the master key where this process cannot read it; docs/content.md says what it has to do.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from gateway.vault.keys import TenantKeys
from gateway.vault.repository import VaultRepository


class KeyWrapper(Protocol):
    """Wraps and unwraps tenants' keys under a master key. Calls may block."""

    @property
    def can_rotate(self) -> bool:
        """Whether erasing can destroy the old master key from here."""
        ...

    def wrap(self, keys: TenantKeys) -> bytes:
        """Bound to the tenant and the generation, so that no row can be moved."""
        ...

    def unwrap(self, tenant: str, generation: str, wrapped: bytes) -> TenantKeys:
        """Raises ``VaultKeyUnusable`` if no master key that is left opens it."""
        ...

    def refresh(self) -> None:
        """Another process may have changed the master key."""
        ...

    def begin_rotation(self) -> None:
        """A new master key wraps from now on; the old ones still unwrap."""
        ...

    def finish_rotation(self) -> None:
        """Destroy the old ones."""
        ...


async def tenant_keys(
    database: Database, wrapper: KeyWrapper, tenant: str, now: datetime
) -> TenantKeys:
    """A tenant's keys, made if it has none yet.

    Raises:
        VaultKeyUnusable: no master key opens them.
    """
    async with database.session() as session:
        row = await VaultRepository(session, tenant).tenant()
    if row is None:
        made = TenantKeys.new(tenant)
        async with database.transaction() as session:
            repository = VaultRepository(session, tenant)
            wrapper.refresh()
            await repository.add_tenant(wrapper.wrap(made), made.generation, now)
            row = await repository.tenant()
    assert row is not None, "it was added just now, by us or by another process"
    return wrapper.unwrap(tenant, row.generation, row.wrapped)


async def current_keys(
    session: AsyncSession, wrapper: KeyWrapper, tenant: str, *, lock: bool = False
) -> TenantKeys | None:
    """Those in force within a transaction; ``lock`` keeps them so until its end."""
    row = await VaultRepository(session, tenant).tenant(lock=lock)
    return None if row is None else wrapper.unwrap(tenant, row.generation, row.wrapped)
