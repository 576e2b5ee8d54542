"""Where a tenant's chain begins once retention has removed its oldest records."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.merkle import Frontier
from gateway.audit.succession import Trust


@dataclass(frozen=True, slots=True)
class Pruned:
    """Records 1 to ``last_seq`` are gone, as a valid statement says."""

    last_seq: int
    last_hash: str
    frontier: Frontier  # of the Merkle tree over them


async def read_pruned(session: AsyncSession, tenant: str, trust: Trust) -> Pruned | None:
    """The newest statement that a trusted key has signed; None if nothing was removed."""
    return None
