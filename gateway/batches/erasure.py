"""Erasing a tenant: its files, batches and kept answers, whose keys the vault has destroyed."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.batches.repository import BatchRepository
from gateway.files.repository import FileRepository
from gateway.idempotency.repository import delete_of_tenant


async def erase_stored(session: AsyncSession, tenant: str) -> tuple[int, int]:
    """How many files and batches there were."""
    files = await FileRepository(session, tenant).delete_all()
    batches = await BatchRepository(session, tenant).delete_all()
    await delete_of_tenant(session, tenant)
    return files, batches
