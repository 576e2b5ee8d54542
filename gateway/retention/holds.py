"""Legal holds: what must stay, whatever retention and erasure would do.

A hold matches records by when they joined the chain, whose they are, who administered, or by
their ids; all that is given must match, and a hold without any of it matches the whole tenant.
A body is held with its record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from gateway.archive.models import AuditBody
from gateway.audit.filters import holds as contains
from gateway.audit.filters import member_text
from gateway.audit.models import AuditRecord
from gateway.pseudonyms import is_pseudonym
from gateway.retention.errors import InvalidHold, UnknownHold
from gateway.retention.models import AuditHold

MOST_IDS = 1000
_END_USER_MEMBER = "user"  # as records call it


@dataclass(frozen=True, slots=True)
class HoldScope:
    """What a hold matches.

    Args:
        since, until: when a record joined the chain; the end is exclusive.
        end_user: pseudonym of an end user. actor: id of an administrator.
    """

    since: datetime | None = None
    until: datetime | None = None
    end_user: str | None = None
    actor: str | None = None
    request_ids: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises: InvalidHold."""
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidHold("A hold must end after it begins.", param="until")
        if self.end_user is not None and not is_pseudonym(self.end_user):
            raise InvalidHold(
                "Name end users by their pseudonyms (eu_...), never in clear.", param="end_user"
            )
        if len(self.request_ids) > MOST_IDS:
            raise InvalidHold(f"A hold names at most {MOST_IDS} requests.", param="request_ids")


class Holds:
    """A tenant's holds."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def create(
        self, scope: HoldScope, *, reason: str, author: str, now: datetime
    ) -> AuditHold:
        """Raises: InvalidHold."""
        scope.check()
        await self.lock()
        hold = AuditHold(
            id=new_id("hold"),
            tenant=self._tenant,
            reason=reason,
            created_by=author,
            created_at=now,
            since=scope.since,
            until=scope.until,
            end_user=scope.end_user,
            actor=scope.actor,
            request_ids=sorted(set(scope.request_ids)) or None,
        )
        self._session.add(hold)
        await self._session.flush()
        return hold

    async def lock(self) -> None:
        """Until the commit nobody else makes a hold or removes anything of the tenant."""
        if self._session.get_bind().dialect.name == "postgresql":  # SQLite has one writer
            name = func.hashtextextended(f"sovgate-holds:{self._tenant}", 0)
            await self._session.execute(select(func.pg_advisory_xact_lock(name)))

    async def release(self, hold_id: str, *, reason: str, author: str, now: datetime) -> AuditHold:
        """Raises: UnknownHold."""
        query = select(AuditHold).where(AuditHold.tenant == self._tenant, AuditHold.id == hold_id)
        hold = await self._session.scalar(query.with_for_update())
        if hold is None or hold.released_at is not None:
            raise UnknownHold("There is no such hold in force.", param="hold_id")
        hold.released_at, hold.released_by, hold.release_reason = now, author, reason
        await self._session.flush()
        return hold

    async def all(self, *, released: bool = True) -> list[AuditHold]:
        """Newest first."""
        query = select(AuditHold).where(AuditHold.tenant == self._tenant)
        if not released:
            query = query.where(AuditHold.released_at.is_(None))
        found = await self._session.scalars(
            query.order_by(AuditHold.created_at.desc(), AuditHold.id.desc())
        )
        return list(found)

    async def in_force(self) -> list[AuditHold]:
        """Those that are not released."""
        return await self.all(released=False)

    async def first_held(self, low: int, high: int, holds: Sequence[AuditHold]) -> int | None:
        """The lowest ``seq`` of records ``low`` to ``high`` that one of them matches."""
        found = []
        for hold in holds:
            query = select(func.min(AuditRecord.seq)).where(
                AuditRecord.tenant == self._tenant,
                AuditRecord.seq.between(low, high),
                record_matches(hold),
            )
            found.append(await self._session.scalar(query))
        return min((seq for seq in found if seq is not None), default=None)

    async def matching(self, end_user: str, holds: Sequence[AuditHold]) -> list[str]:
        """Ids of holds that forbid to erase this end user."""
        return [hold.id for hold in holds if await self._forbids(hold, end_user)]

    async def _forbids(self, hold: AuditHold, end_user: str) -> bool:
        if hold.end_user is not None:
            return hold.end_user == end_user
        if hold.actor is not None:
            return False  # it is about what administrators did
        if hold.since is None and hold.until is None and not hold.request_ids:
            return True
        theirs = literal(member_text(_END_USER_MEMBER, end_user))
        query = select(AuditRecord.seq).where(
            AuditRecord.tenant == self._tenant,
            record_matches(hold),
            contains(AuditRecord.body, theirs),
        )
        return await self._session.scalar(query.limit(1)) is not None


def scope_of(hold: AuditHold) -> HoldScope:
    return HoldScope(
        hold.since, hold.until, hold.end_user, hold.actor, tuple(hold.request_ids or ())
    )


def record_matches(hold: AuditHold) -> ColumnElement[bool]:
    """For ``WHERE`` over ``audit_records`` of the hold's tenant."""
    conditions: list[ColumnElement[bool]] = [true()]
    if hold.since is not None:
        conditions.append(AuditRecord.time >= hold.since)
    if hold.until is not None:
        conditions.append(AuditRecord.time < hold.until)
    if hold.request_ids:
        conditions.append(AuditRecord.request_id.in_(hold.request_ids))
    for member, value in ((_END_USER_MEMBER, hold.end_user), ("actor", hold.actor)):
        if value is not None:
            conditions.append(contains(AuditRecord.body, literal(member_text(member, value))))
    return and_(*conditions)


def body_matches(hold: AuditHold) -> ColumnElement[bool]:
    """For ``WHERE`` over ``audit_bodies``: the record of the body matches."""
    record: Any = AuditRecord
    return exists().where(
        record.tenant == AuditBody.tenant,
        record.request_id == AuditBody.request_id,
        record_matches(hold),
    )
