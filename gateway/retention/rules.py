"""How long a tenant's records are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.settings import Settings


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
