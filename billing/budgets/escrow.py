"""The money of one lease inside this process: pure arithmetic, no database.

``free + reserved + settled but not yet drained`` is the lease's amount in the
database. A settlement takes at most what was reserved from the lease; what a
cost has beyond its reservation is charged to the period alone.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from billing.budgets.definitions import BudgetDefinition
from billing.periods import Period
from core.money import EXACT, ZERO

_LEASE_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the lease that the database may or may not have taken yet.

    ``amount`` is positive for a grant and negative for a return.
    """

    serial: int
    amount: Decimal
    expires_at: datetime


@dataclass(slots=True)
class EscrowAccount:
    """What this process may spend of one budget period without asking.

    ``serial`` counts our changes of the lease. It is stored with the lease, so
    that a change whose commit was cut off is known to have happened or not.
    ``claims`` counts the requests that look at it at present.
    """

    budget: BudgetDefinition
    period: Period
    period_id: str
    lease_id: str
    end_user: str | None = None
    claims: int = 0
    free: Decimal = ZERO
    reserved: Decimal = ZERO
    serial: int = 0
    expires_at: datetime | None = None
    pending: Move | None = None
    used_at: float = 0.0
    # The newest look at the database that found too little: its number, what was there.
    refused: tuple[int, Decimal] = (0, ZERO)
    recall_ends_at: float = float("-inf")

    def has(self, amount: Decimal, now: datetime) -> bool:
        return self.free >= amount and self.expires_at is not None and now < self.expires_at

    def reserve(self, amount: Decimal, monotonic: float) -> None:
        self.free = EXACT.subtract(self.free, amount)
        self.reserved = EXACT.add(self.reserved, amount)
        self.used_at = monotonic

    def close(self, reserved: Decimal, cost: Decimal) -> None:
        """Take the cost out of the reservation; the rest is free again."""
        self.reserved = EXACT.subtract(self.reserved, reserved)
        if cost < reserved:
            self.free = EXACT.add(self.free, EXACT.subtract(reserved, cost))

    def begin(self, amount: Decimal, expires_at: datetime) -> Move:
        """Start a change; money on its way back is no longer free at once."""
        move = Move(self.serial + 1, amount, expires_at)
        if amount < 0:
            self.free = EXACT.add(self.free, amount)
        self.pending = move
        return move

    def resolve(self, serial: int) -> None:
        """Finish a pending change as the stored serial says: it happened, or it did not."""
        move, self.pending = self.pending, None
        if move is None:
            return
        if serial == move.serial:
            self.serial, self.expires_at = serial, move.expires_at
        if (serial == move.serial) == (move.amount > 0):
            self.free = EXACT.add(self.free, abs(move.amount))

    def fence(self, lease_id: str) -> None:
        """The lease is gone (another process reclaimed it): begin with nothing, under a new id."""
        self.lease_id, self.serial = lease_id, 0
        self.free = self.reserved = ZERO
        self.expires_at = self.pending = None


def chunk(need: Decimal, available: Decimal, share: int) -> Decimal:
    """How much to lease: a share of what is left, which shrinks towards the edge.

    At least what is needed, at most what is there; zero if that is too little.
    """
    if available < need:
        return ZERO
    part = EXACT.divide(available, Decimal(share))
    return max(need, part.quantize(_LEASE_STEP, rounding=ROUND_DOWN, context=EXACT))
