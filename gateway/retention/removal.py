"""Retention of one tenant: expired bodies, then records beyond their time, up to a checkpoint.

What a hold matches stays, and so do the records behind it: a chain is cut off at its start only.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.repository import ArchiveRepository
from gateway.audit.filters import RecordFilter
from gateway.audit.keys import SigningKey
from gateway.audit.pruning import Pruning, checkpoint_up_to, prune
from gateway.audit.query import bounds
from gateway.audit.signing import MAX_RECORDS
from gateway.responses.repository import ResponseRepository
from gateway.retention.holds import Holds, body_matches

_KEY_GRACE = timedelta(days=2)  # bodies under way may still bring their key along
# Removed at a time, since nobody else can write meanwhile on SQLite; more than lie between two
# checkpoints at most.
MOST_RECORDS = 2 * MAX_RECORDS


@dataclass(frozen=True, slots=True)
class Removal:
    """What one run did to a tenant.

    Args:
        records, bodies: removed.
        held_records, held_bodies: due, and left because of ``holds``.
        waiting: due, and left until a checkpoint covers them.
    """

    tenant: str
    records: int = 0
    bodies: int = 0
    held_records: int = 0
    held_bodies: int = 0
    waiting: int = 0
    holds: tuple[str, ...] = ()
    statement: Pruning | None = None

    @property
    def changed(self) -> bool:
        return bool(self.records or self.bodies)

    def followed_by(self, later: "Removal") -> "Removal":
        """Both runs as one; what was left is what the later one left."""
        return replace(
            later,
            records=self.records + later.records,
            bodies=self.bodies + later.bodies,
            statement=later.statement or self.statement,
        )

    def summary(self) -> dict[str, object]:
        """For results of jobs and for digests of records."""
        return {
            "records": self.records,
            "bodies": self.bodies,
            "held_records": self.held_records,
            "held_bodies": self.held_bodies,
            "waiting": self.waiting,
            "holds": list(self.holds),
            "last_seq": None if self.statement is None else self.statement.last_seq,
        }


async def remove_due(
    session: AsyncSession,
    tenant: str,
    key: SigningKey,
    now: datetime,
    days: int | None,
) -> Removal:
    """Remove what is due of a tenant's bodies and, beyond ``days``, of its records, at most
    about ``MOST_RECORDS`` of these: call it again while ``waiting`` gets less.

    Raises:
        ChainDamaged: the records do not verify; nothing is removed.
    """
    holds = Holds(session, tenant)
    await holds.lock()
    in_force = await holds.in_force()
    archive = ArchiveRepository(session, tenant)
    kept = [body_matches(hold) for hold in in_force]
    held_bodies = await archive.expired(now, or_(*kept)) if kept else 0
    bodies = await archive.expire(now, kept)
    await ResponseRepository(session, tenant).expire(now)
    await archive.drop_unused_keys(now - _KEY_GRACE)
    due = Removal(
        tenant, bodies=bodies, held_bodies=held_bodies, holds=tuple(hold.id for hold in in_force)
    )
    if days is None:
        return due
    low, high = await bounds(session, tenant, RecordFilter(end=now - timedelta(days=days)))
    if low > high:
        return due
    first_held = await holds.first_held(low, high, in_force)
    free = high if first_held is None else first_held - 1
    checkpoint = await checkpoint_up_to(session, tenant, min(free, low + MOST_RECORDS))
    last = checkpoint.seq if checkpoint is not None else low - 1
    statement = None
    if checkpoint is not None and last >= low:
        await archive.forget_of_records(low, last)
        reason = f"retention: older than {days} days"
        statement = await prune(session, tenant, checkpoint, key, now, reason)
    removed = max(0, last - low + 1)
    return Removal(
        tenant,
        records=removed,
        bodies=bodies,
        held_records=high - free,
        held_bodies=held_bodies,
        waiting=free - low + 1 - removed,
        holds=due.holds,
        statement=statement,
    )
