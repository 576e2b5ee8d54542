"""How long a tenant's records are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.repository import archive_tenants
from gateway.audit.models import AuditHead
from gateway.settings import Settings
from gateway.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """Days by policy, over those of the deployment; None means for ever."""

    days: int | None = None
    by_policy: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "RetentionRules":
        named = {name: policy.audit.retention_days for name, policy in settings.policies.items()}
        own = {name: days for name, days in named.items() if days is not None}
        return cls(settings.audit.retention_days, own)

    def of_policy(self, policy: str | None) -> int | None:
        return self.by_policy.get(policy or "", self.days)


async def retained_tenants(session: AsyncSession, rules: RetentionRules) -> dict[str, int | None]:
    """The days of each tenant that has records or bodies, those of no tenant among them."""
    heads = await session.scalars(select(AuditHead.tenant))
    names = sorted({*heads, *await archive_tenants(session)})
    rows = await session.execute(select(Tenant.name, Tenant.policy))
    policies = {row.name: row.policy for row in rows}
    return {name: rules.of_policy(policies.get(name)) for name in names}
