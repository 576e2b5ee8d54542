"""The roles an administrator account can hold, for one tenant or for all of them.

What a role may do is not known here: see ``gateway.admin.permissions``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    AUDITOR = "auditor"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a scope: one tenant, or all tenants where ``tenant`` is ``None``."""

    role: Role
    tenant: str | None = None

    def covers(self, tenant: str) -> bool:
        return self.tenant is None or self.tenant == tenant
