"""Whose budgets a call is about, and what the caller may do with them."""

from dataclasses import dataclass

from billing import organisation_owner
from gateway.admin.access import Actor, TenantAccess
from gateway.admin.permissions import Permission

_WHOLE = frozenset({"organisation", "tenant"})


@dataclass(frozen=True, slots=True)
class BudgetOwner:
    """``key`` is billing's name of it; ``tenant`` whose audit trail it is, if any one's."""

    actor: Actor
    key: str
    tenant: str | None = None

    @classmethod
    def of_tenant(cls, access: TenantAccess) -> "BudgetOwner":
        return cls(access.actor, access.tenant, access.tenant)

    @classmethod
    def of_organisation(cls, actor: Actor, organisation: str) -> "BudgetOwner":
        return cls(actor, organisation_owner(organisation))

    def require(self, scope: str) -> None:
        """A whole tenant or organisation is bounded by global roles only. Raises: Forbidden."""
        if scope in _WHOLE:
            self.actor.require(Permission.BUDGETS_GOVERN)
