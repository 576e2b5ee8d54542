"""Who may do what: the one table role -> permission.

A role is held for one tenant or globally. A permission in ``GLOBAL_ONLY`` counts
only where the role is held globally, so that nobody raises the ceiling above
their own head: a tenant's own people cannot lift its suspension, swap its policy,
widen its limits or its tenant-wide budget, credit its invoices, nor read another
tenant's accounts.
"""

from collections.abc import Iterable
from enum import StrEnum

from gateway.tenants.roles import Grant, Role


class Permission(StrEnum):
    OVERVIEW_READ = "overview.read"
    TENANTS_READ = "tenants.read"
    TENANTS_WRITE = "tenants.write"  # rename
    TENANTS_GOVERN = "tenants.govern"  # create; status, policy, limits
    PROJECTS_WRITE = "projects.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    BUDGETS_READ = "budgets.read"
    BUDGETS_WRITE = "budgets.write"  # of projects and keys
    BUDGETS_GOVERN = "budgets.govern"  # of whole tenants
    USAGE_READ = "usage.read"
    PRICES_READ = "prices.read"
    PRICES_WRITE = "prices.write"  # the price book of the deployment
    LEDGER_READ = "ledger.read"
    LEDGER_ADJUST = "ledger.adjust"  # corrections and re-rating
    INVOICES_READ = "invoices.read"
    INVOICES_WRITE = "invoices.write"  # profiles, drafts, issuing, credit notes
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"  # start and retry
    EXPORTS_READ = "exports.read"
    EXPORTS_FINANCE = "exports.finance"  # billing and usage reports
    EXPORTS_AUDIT = "exports.audit"  # the audit trail
    AUDIT_READ = "audit.read"
    AUDIT_BODIES = "audit.bodies"  # open stored prompts and answers
    AUDIT_HOLD = "audit.hold"  # make and release legal holds
    AUDIT_ERASE = "audit.erase"  # destroy the keys of one end user
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    RECOGNIZERS_READ = "recognizers.read"  # which there are, without their values
    RECOGNIZERS_WRITE = "recognizers.write"  # also reads deny lists and allow lists
    PRIVACY_EXPLAIN = "privacy.explain"
    UPSTREAMS_READ = "upstreams.read"
    UPSTREAMS_WRITE = "upstreams.write"  # where models run
    SYSTEM_READ = "system.read"


_READ = {
    Permission.OVERVIEW_READ,
    Permission.TENANTS_READ,
    Permission.KEYS_READ,
    Permission.BUDGETS_READ,
    Permission.USAGE_READ,
    Permission.SYSTEM_READ,
}

_READ_MONEY = {
    Permission.PRICES_READ,
    Permission.LEDGER_READ,
    Permission.INVOICES_READ,
    Permission.JOBS_READ,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    # Those who change things do not also carry the evidence away, nor bill for it.
    Role.ADMIN: frozenset(Permission)
    - {
        Permission.EXPORTS_AUDIT,
        Permission.AUDIT_BODIES,
        Permission.AUDIT_HOLD,
        Permission.LEDGER_ADJUST,
        Permission.INVOICES_WRITE,
    },
    Role.FINANCE: frozenset(
        _READ
        | _READ_MONEY
        | {
            Permission.PRICES_WRITE,
            Permission.LEDGER_ADJUST,
            Permission.INVOICES_WRITE,
            Permission.JOBS_WRITE,
            Permission.BUDGETS_WRITE,
            Permission.BUDGETS_GOVERN,
            Permission.EXPORTS_READ,
            Permission.EXPORTS_FINANCE,
        }
    ),
    Role.AUDITOR: frozenset(
        _READ
        | _READ_MONEY
        | {
            Permission.AUDIT_READ,
            Permission.AUDIT_BODIES,
            Permission.AUDIT_HOLD,
            Permission.EXPORTS_READ,
            Permission.EXPORTS_AUDIT,
            Permission.EXPORTS_FINANCE,
            Permission.USERS_READ,
            Permission.RECOGNIZERS_READ,
            Permission.UPSTREAMS_READ,
        }
    ),
    Role.VIEWER: frozenset(_READ),
}

GLOBAL_ONLY: frozenset[Permission] = frozenset(
    {
        Permission.TENANTS_GOVERN,
        Permission.BUDGETS_GOVERN,
        Permission.PRICES_WRITE,
        Permission.LEDGER_ADJUST,
        Permission.INVOICES_WRITE,
        Permission.USERS_WRITE,
        Permission.UPSTREAMS_READ,
        Permission.UPSTREAMS_WRITE,
        Permission.SYSTEM_READ,
    }
)


def allows(grants: Iterable[Grant], permission: Permission, tenant: str | None) -> bool:
    """Whether the grants give a permission on a tenant, or everywhere for ``None``."""
    return any(
        permission in GRANTS[grant.role] and _in_scope(grant, permission, tenant)
        for grant in grants
    )


def _in_scope(grant: Grant, permission: Permission, tenant: str | None) -> bool:
    if tenant is None or permission in GLOBAL_ONLY:
        return grant.tenant is None
    return grant.covers(tenant)


def sees(grants: Iterable[Grant], tenant: str) -> bool:
    """Whether a tenant exists at all for the holder of these grants."""
    return any(grant.covers(tenant) for grant in grants)


def scope(grants: Iterable[Grant], permission: Permission) -> frozenset[str] | None:
    """The tenants on which a permission is held; ``None`` means all of them."""
    holding = [grant for grant in grants if permission in GRANTS[grant.role]]
    if any(grant.tenant is None for grant in holding):
        return None
    if permission in GLOBAL_ONLY:
        return frozenset()
    return frozenset(grant.tenant for grant in holding if grant.tenant is not None)
