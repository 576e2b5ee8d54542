"""Reservations and settlements: what admission hands to the end of a request.

Both travel through the journal as JSON with amounts as text, so that a crash
between them loses nothing. Knows neither the database nor the escrow.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Literal

import msgspec

from billing.errors import InvalidSettlement
from billing.prices import MINIMUM, CostBreakdown, CostLine, RateFacts, line_amount
from billing.usage import Usage
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount, parse_amount

_NOTHING = Usage()
_UNCOVERED = "The lines of a settlement must cover its usage exactly."
Outcome = Literal["settled", "released"]
Ended = Literal["completed", "disconnected", "interrupted", "error"]


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Which lease of which budget period a reservation draws from."""

    period_id: str
    lease_id: str


class Reservation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money set aside for one request in every hard budget that applies.

    ``at`` is the instant of admission: the request is priced at it, and its cost
    falls in the budget periods of it, however long the request takes.
    ``over`` names soft budgets (``scope/scope_id/period``) that are used up.
    """

    request_id: str
    tenant: str
    project_id: str
    key_id: str
    amount: Decimal
    at: datetime
    organisation: str | None = None
    end_user: str | None = None
    holds: tuple[Hold, ...] = ()
    over: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "organisation": self.organisation,
            "end_user": self.end_user,
            "request_id": self.request_id,
            "tenant": self.tenant,
            "project_id": self.project_id,
            "key_id": self.key_id,
            "amount": format_amount(self.amount),
            "at": isoformat(self.at),
            "holds": _holds_to_json(self.holds),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Reservation":
        return cls(
            request_id=body["request_id"],
            tenant=body["tenant"],
            project_id=body["project_id"],
            key_id=body["key_id"],
            amount=parse_amount(body["amount"]),
            at=datetime.fromisoformat(body["at"]),
            organisation=body.get("organisation"),
            end_user=body.get("end_user"),
            holds=_holds_from_json(body["holds"]),
        )


class Settlement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a request ended for the ledger; exactly one per request.

    Args:
        at: the instant of admission (see ``Reservation.at``).
        cost: the sum of ``lines``; zero when released.
        reserved: what the reservation had set aside.
        holds: the reservation's; with none, nothing was drawn from a lease.
        end_user: a pseudonym, never a name.
        ended: ``completed``, or why the answer was cut: the client hung up, the
            process died, the upstream failed.
        rate: what made the rate that ``price_version`` names.

    Raises:
        InvalidSettlement: a settled request without price version or model,
            lines that do not add up, a released request with a cost.
    """

    request_id: str
    tenant: str
    project_id: str
    key_id: str
    at: datetime
    outcome: Outcome
    model: str | None = None
    tier: str | None = None
    upstream: str | None = None
    zone: str | None = None
    trend: str | None = None
    usage: Usage = _NOTHING
    price_version: str | None = None
    currency: str = "USD"
    cost: Decimal = ZERO
    lines: tuple[CostLine, ...] = ()
    reserved: Decimal = ZERO
    holds: tuple[Hold, ...] = ()
    end_user: str | None = None
    organisation: str | None = None
    ended: Ended = "completed"
    rate: RateFacts | None = None

    def __post_init__(self) -> None:
        if self.outcome == "released":
            if self.cost or self.lines:
                raise InvalidSettlement("A released request costs nothing; settle it instead.")
            return
        if self.outcome != "settled":
            raise InvalidSettlement("The outcome of a settlement is 'settled' or 'released'.")
        if self.price_version is None or self.model is None:
            raise InvalidSettlement("A settled request needs its model and its price version.")
        self._check_lines()

    @classmethod
    def settle(
        cls,
        reservation: Reservation,
        *,
        usage: Usage,
        breakdown: CostBreakdown,
        model: str,
        tier: str | None = None,
        upstream: str | None = None,
        zone: str | None = None,
        trend: str | None = None,
        ended: Ended = "completed",
    ) -> "Settlement":
        """A request that was served, in whole or in part: it costs ``breakdown``."""
        return cls(
            request_id=reservation.request_id,
            tenant=reservation.tenant,
            project_id=reservation.project_id,
            key_id=reservation.key_id,
            at=reservation.at,
            outcome="settled",
            model=model,
            tier=tier,
            upstream=upstream,
            zone=zone,
            trend=trend,
            usage=usage,
            price_version=breakdown.price_version,
            currency=breakdown.currency,
            cost=breakdown.total,
            lines=breakdown.lines,
            reserved=reservation.amount,
            holds=reservation.holds,
            end_user=reservation.end_user,
            organisation=reservation.organisation,
            ended=ended,
            rate=breakdown.facts,
        )

    @classmethod
    def release(cls, reservation: Reservation) -> "Settlement":
        """A request that no upstream worked on: everything goes back."""
        return cls(
            request_id=reservation.request_id,
            tenant=reservation.tenant,
            project_id=reservation.project_id,
            key_id=reservation.key_id,
            at=reservation.at,
            outcome="released",
            reserved=reservation.amount,
            holds=reservation.holds,
            end_user=reservation.end_user,
            organisation=reservation.organisation,
        )

    @property
    def surcharge(self) -> Decimal:
        """What a minimum charge added to quantity * price."""
        return next((line.amount for line in self.lines if line.name == MINIMUM), ZERO)

    def to_json(self) -> dict[str, Any]:
        body = dict(zip(_FIELDS, _values(self), strict=True))
        body["at"] = isoformat(self.at)
        body["usage"] = self.usage.to_json()
        body["cost"] = format_amount(self.cost)
        body["reserved"] = format_amount(self.reserved)
        body["lines"] = [_line_to_json(line) for line in self.lines]
        body["holds"] = _holds_to_json(self.holds)
        body["rate"] = self.rate.to_json() if self.rate else None
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Settlement":
        """What ``to_json`` wrote.

        Raises:
            InvalidSettlement: it is not that, or it contradicts itself.
        """
        try:
            settlement = msgspec.convert(body, cls)
        except msgspec.ValidationError as error:
            raise InvalidSettlement(f"This is no settlement: {error}.") from None
        parse_amount(settlement.reserved)  # the one amount that no line proves
        return settlement

    def _check_lines(self) -> None:
        total, used = ZERO, self.usage.quantities()
        for line in self.lines:
            if line.amount != line_amount(line.quantity, line.price, line.per):
                raise InvalidSettlement(f"The line '{line.name}' is not quantity * price / per.")
            total = EXACT.add(total, line.amount)
            if line.name != MINIMUM and used.pop(line.name, None) != line.quantity:
                raise InvalidSettlement(_UNCOVERED)
        if total != self.cost:
            raise InvalidSettlement("The cost of a settlement must be the sum of its lines.")
        if used:
            raise InvalidSettlement(_UNCOVERED)


_FIELDS = Settlement.__struct_fields__
_values = attrgetter(*_FIELDS)


def _line_to_json(line: CostLine) -> dict[str, Any]:
    body = {
        "name": line.name,
        "quantity": format_amount(line.quantity),
        "price": format_amount(line.price),
        "per": line.per,
        "amount": format_amount(line.amount),
    }
    if line.list_price is not None:
        body["list_price"] = format_amount(line.list_price)
    return body


def _holds_to_json(holds: tuple[Hold, ...]) -> list[dict[str, str]]:
    return [{"period_id": hold.period_id, "lease_id": hold.lease_id} for hold in holds]


def _holds_from_json(body: list[Mapping[str, str]]) -> tuple[Hold, ...]:
    return tuple(Hold(item["period_id"], item["lease_id"]) for item in body)
