"""The budgets that this process knows, by owner; read again when they are old."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from billing.budgets.definitions import BudgetDefinition
from billing.budgets.leasing import LeaseOffice
from billing.budgets.scopes import ScopeKey, Spender, by_scope
from billing.budgets.uninterrupted import uninterrupted
from billing.errors import BudgetUnavailable
from core.clock import Clock

_FORGET_AFTER_S = 600.0


@dataclass(slots=True)
class _Owner:
    """What is known of one owner's budgets; times are monotonic seconds.

    ``lock`` lets one task at a time lease for the owner; ``changes`` counts invalidations.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    budgets: Mapping[ScopeKey, list[BudgetDefinition]] = field(default_factory=dict)
    loaded_at: float | None = None
    used_at: float = 0.0
    changes: int = 0


class BudgetDirectory:
    """Definitions by owner, and the locks under which leases of an owner change."""

    def __init__(self, office: LeaseOffice, clock: Clock, retry_after_s: float = 0.0) -> None:
        self._office = office
        self._clock = clock
        self._retry_after_s = retry_after_s
        self._failed_at = float("-inf")
        self._owners: dict[str, _Owner] = {}

    async def covering(self, spender: Spender) -> list[BudgetDefinition]:
        """The budgets that bound a request.

        Raises:
            BudgetUnavailable: they are not known and the database does not answer.
        """
        monotonic, owners = self._clock.monotonic(), {}
        for name in spender.owners:
            owner = owners[name] = self._owner(name)
            owner.used_at = monotonic
            if owner.loaded_at is None:
                await self._load_once(name, owner)
        keys = spender.scopes()
        return [budget for key in keys for budget in owners[key[0]].budgets.get(key, ())]

    @asynccontextmanager
    async def locked(self, owners: Iterable[str]) -> AsyncIterator[None]:
        """Let no other task lease for these owners; name them in the order of their locks."""
        async with AsyncExitStack() as stack:
            for name in owners:
                await stack.enter_async_context(self._owner(name).lock)
            yield

    def invalidate(self, name: str) -> None:
        """Budgets of an owner have changed: read them again at the next request."""
        if name in self._owners:
            self._owners[name].loaded_at = None
            self._owners[name].changes += 1

    def check_answers(self, arrived: float) -> None:
        """Raise ``BudgetUnavailable`` if the database failed since ``arrived``, or just before:
        whoever waited for its turn meanwhile need not find out again."""
        if self._failed_at >= arrived - self._retry_after_s:
            raise database_is_away()

    def failed(self) -> BudgetUnavailable:
        """The database did not answer, as ``check_answers`` will know."""
        self._failed_at = self._clock.monotonic()
        return database_is_away()

    async def refresh(self, older_than_s: float, keep: Collection[str]) -> None:
        """Read the budgets in use again; forget those long unused, but not of ``keep``."""
        monotonic = self._clock.monotonic()
        stale: list[str] = []
        for name, owner in list(self._owners.items()):
            unused = monotonic - owner.used_at > _FORGET_AFTER_S
            if unused and name not in keep and not owner.lock.locked():
                del self._owners[name]
            elif owner.loaded_at is not None and monotonic - owner.loaded_at >= older_than_s:
                stale.append(name)
        if stale:
            await self._load(stale)

    def _owner(self, name: str) -> _Owner:
        owner = self._owners.get(name)
        if owner is None:  # each request asks; a new one has a lock
            owner = self._owners[name] = _Owner()
        return owner

    async def _load_once(self, name: str, owner: _Owner) -> None:
        arrived = self._clock.monotonic()
        async with owner.lock:
            if owner.loaded_at is None:
                self.check_answers(arrived)
                await self._load([name])

    async def _load(self, names: Sequence[str]) -> None:
        started = self._clock.monotonic()
        changes = {name: self._owner(name).changes for name in names}
        try:
            definitions = await uninterrupted(self._office.definitions(names))
        except (SQLAlchemyError, OSError) as error:
            raise self.failed() from error
        self._failed_at = float("-inf")
        for name, budgets in definitions.items():
            owner = self._owner(name)
            owner.budgets = by_scope((budget.scope_key, budget) for budget in budgets)
            if owner.changes == changes[name]:  # else what was read may be what was before
                owner.loaded_at = started


def database_is_away() -> BudgetUnavailable:
    return BudgetUnavailable(
        "The budget cannot be checked because the database does not answer; try again shortly."
    )
