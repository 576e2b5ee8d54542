"""Who is billed and who bills: a tenant's profile on paper, and the seller."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidProfile, UnknownProfile
from billing.models import BillingProfile
from core.clock import Clock
from core.money import ZERO, format_amount

EVERY_OTHER = "*"
"""The cost centre of projects that have none of their own stands under this key."""

_LENGTHS = {"legal_name": 200, "address": 1000, "tax_id": 60, "email": 254, "tax_label": 40}
_NEEDED = ("legal_name", "address")
_MOST_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who issues invoices.

    Args:
        payment: how to pay (bank, IBAN, reference), in lines.
        note: what the law or custom wants on every invoice (register, reverse charge).
    """

    name: str
    address: str
    tax_id: str | None = None
    email: str | None = None
    payment: str | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who a tenant is on its invoices.

    Args:
        currency: in which it pays.
        tax_label: what the tax is called; shown with a percentage of 0 as well.
        payment_days: from the issue of an invoice to its due date.
        cost_centres: by project id; ``*`` is for all others.

    Raises:
        InvalidProfile: a field is missing, too long or out of range.
    """

    legal_name: str
    address: str
    tax_id: str | None = None
    email: str | None = None
    currency: str = "USD"
    tax_label: str | None = None
    tax_percent: Decimal = ZERO
    payment_days: int = 30
    cost_centres: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, most in _LENGTHS.items():
            _check_text(name, getattr(self, name), most)
        if len(self.currency) != 3 or not (self.currency.isascii() and self.currency.isupper()):
            raise InvalidProfile("A currency is three capital letters.", param="currency")
        if not 0 <= self.tax_percent <= 100:
            raise InvalidProfile("A tax is 0 to 100 percent.", param="tax_percent")
        if self.tax_percent and not self.tax_label:
            raise InvalidProfile("A tax needs a name, such as VAT.", param="tax_label")
        if not 0 <= self.payment_days <= _MOST_DAYS:
            raise InvalidProfile(f"Payment is due in 0 to {_MOST_DAYS} days.", param="payment_days")
        for centre in self.cost_centres.values():
            if not 1 <= len(centre) <= 60:
                raise InvalidProfile("A cost centre has 1 to 60 characters.", param="cost_centres")

    @classmethod
    def placeholder(cls, tenant: str, currency: str) -> "Profile":
        """For a look at what would be billed, before anybody said who the tenant is."""
        return cls(legal_name=tenant, address="(no billing profile)", currency=currency)

    def cost_centre(self, project_id: str | None) -> str | None:
        own = self.cost_centres.get(project_id) if project_id else None
        return own or self.cost_centres.get(EVERY_OTHER)

    def to_json(self) -> dict[str, Any]:
        body = asdict(self) | {"cost_centres": dict(self.cost_centres)}
        return body | {"tax_percent": format_amount(self.tax_percent)}


async def find_profile(session: AsyncSession, tenant: str) -> Profile | None:
    row = await session.get(BillingProfile, tenant, populate_existing=True)
    if row is None:
        return None
    return Profile(**{each.name: getattr(row, each.name) for each in fields(Profile)})


async def get_profile(session: AsyncSession, tenant: str) -> Profile:
    """Raises ``UnknownProfile``."""
    profile = await find_profile(session, tenant)
    if profile is None:
        raise unknown_profile(tenant)
    return profile


def unknown_profile(tenant: str) -> UnknownProfile:
    return UnknownProfile(
        f"Tenant {tenant} has no billing profile: say who is billed with "
        "'sovgate billing profile set' first."
    )


async def put_profile(
    session: AsyncSession, clock: Clock, tenant: str, profile: Profile, *, author: str
) -> None:
    """Keep a profile in place of the tenant's present one; final invoices keep theirs."""
    values = {each.name: getattr(profile, each.name) for each in fields(Profile)}
    values["cost_centres"] = dict(profile.cost_centres)
    row = BillingProfile(tenant=tenant, updated_at=clock.now(), updated_by=author, **values)
    await session.merge(row)
    await session.flush()


def _check_text(name: str, value: str | None, most: int) -> None:
    needed = name in _NEEDED
    if value is None and not needed:
        return
    if not value or not value.strip() or len(value) > most:
        raise InvalidProfile(f"'{name}' has 1 to {most} characters.", param=name)
