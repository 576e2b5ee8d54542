"""Made-up traffic of several tenants, keys, models and trends; three hard budgets each."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing import BudgetKeeper, BudgetService, PriceBook, Reservation, Settlement, Usage
from core.clock import SystemClock
from core.database import Database
from core.ids import new_id

_BOOK = PriceBook.from_settings(
    [
        {"model": "sov-flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"},
        {"model": "sov-pro", "effective_from": "2026-01-01", "input": "0.55", "output": "2.20"},
    ]
)
_TRENDS = ("chat", "code", "search", "summary")
_KEYS = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and to which model."""

    tenant: str
    key: int
    model: str
    trend: str


def callers(tenants: Sequence[str], seed: int = 7) -> Iterator[Caller]:
    """An endless mix of all tenants, keys, models and trends."""
    rng = random.Random(seed)
    models = [version.model for version in _BOOK.versions]
    known = [Caller(*parts) for parts in itertools.product(tenants, range(_KEYS), models, _TRENDS)]
    while True:
        yield rng.choice(known)


async def make_budgets(database: Database, clock: SystemClock, tenants: Sequence[str]) -> None:
    """A hard budget per month of each tenant, its project and its keys."""
    service = BudgetService(clock)
    async with database.transaction() as session:
        for tenant in tenants:
            scopes = [("tenant", tenant), ("project", "prj_1")]
            scopes += [("key", f"key_{key}") for key in range(_KEYS)]
            for scope, name in scopes:
                await service.create(session, tenant, limit="100000", scope=scope, scope_id=name)


async def reserve(keeper: BudgetKeeper, caller: Caller) -> Reservation:
    """At most a cent, which is more than any of these requests costs."""
    return await keeper.reserve(
        request_id=new_id("req"),
        tenant=caller.tenant,
        project_id="prj_1",
        key_id=f"key_{caller.key}",
        amount=Decimal("0.01"),
    )


def settle(reservation: Reservation, caller: Caller, number: int) -> Settlement:
    """Its cost with usage that differs from request to request."""
    usage = Usage(
        input_tokens=200 + number % 800,
        cached_input_tokens=number % 200,
        output_tokens=20 + number % 300,
    )
    return Settlement.settle(
        reservation,
        usage=usage,
        breakdown=_BOOK.price(caller.model, reservation.at, usage),
        model=caller.model,
        tier="flash" if caller.model == "sov-flash" else "pro",
        upstream="pool",
        zone="onprem",
        trend=caller.trend,
    )
