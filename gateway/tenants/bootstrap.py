"""What the settings' ``bootstrap`` section asks for, created where it is missing.

Nothing that exists is changed: a tenant that was suspended or renamed since stays so,
a revoked key stays revoked, a password that was changed stays. The same file twice
changes nothing. Secrets come from the environment only.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import AlertRule
from billing.budgets.scopes import EACH
from billing.budgets.service import BudgetService
from core.clock import Clock
from core.database import Database
from gateway.audit import append_admin
from gateway.settings import AdminSpec, BudgetSpec, KeySpec, Settings, TenantSpec
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.errors import BootstrapFailed
from gateway.tenants.keys import key_hash
from gateway.tenants.limits import Limits
from gateway.tenants.organisations import OrganisationService
from gateway.tenants.passwords import Passwords
from gateway.tenants.repository import (
    KeyRepository,
    OrganisationRepository,
    TenantRepository,
    find_key,
)
from gateway.tenants.roles import Grant, Role
from gateway.tenants.service import KeyService, TenantService
from gateway.tenants.users import UserService


@dataclass(frozen=True, slots=True)
class Created:
    """Something that was missing; ``tenant`` is ``None`` for what belongs to none."""

    tenant: str | None
    action: str
    target: str
    after: Mapping[str, Any]


async def bootstrap(
    database: Database,
    settings: Settings,
    *,
    pepper: bytes,
    clock: Clock,
    environ: Mapping[str, str] = os.environ,
    passwords: Passwords | None = None,
) -> tuple[Created, ...]:
    """Create what the section asks for and the database lacks, all or nothing.

    Raises:
        BootstrapFailed: a secret is not in the environment, or a tenant of the
            database has a policy that the settings no longer hold.
        InvalidValue: a key's value will not do.
    """
    hashes = await _password_hashes(database, settings, environ, passwords or Passwords())
    async with database.transaction() as session:
        await TenantRepository(session).lock_bootstrap()
        run = _Run(session, settings, clock, pepper, environ)
        for tenant in settings.bootstrap.tenants:
            await run.tenant(tenant)
        for admin in settings.bootstrap.admins:
            await run.admin(admin, hashes)
        await _check_policies(session, settings)
        # Last, and by tenant: chains are locked in the order in which the drain locks them.
        for created in sorted(run.created, key=lambda one: one.tenant or ""):
            await _record(session, created, clock)
    return tuple(run.created)


class _Run:
    """One pass over the section, in one transaction."""

    def __init__(
        self,
        session: AsyncSession,
        settings: Settings,
        clock: Clock,
        pepper: bytes,
        environ: Mapping[str, str],
    ) -> None:
        self.created: list[Created] = []
        self._session = session
        self._environ = environ
        self._pepper = pepper
        self._tenants = TenantService(session, clock, settings.policies)
        self._keys = KeyService(session, clock, pepper)
        self._users = UserService(session, clock)
        self._organisations = OrganisationService(session, clock)
        self._budgets = BudgetService(clock, webhooks=frozenset(settings.alerts.webhooks))

    async def tenant(self, spec: TenantSpec) -> None:
        name = spec.name
        if await TenantRepository(self._session).get(name) is None:
            if spec.organisation is not None:
                await self._organisation(spec.organisation)
            await self._tenants.create_tenant(
                name,
                display_name=spec.display_name,
                policy=spec.policy,
                limits=Limits(**spec.limits.model_dump()),
                organisation=spec.organisation,
            )
            after = spec.model_dump(include={"name", "policy", "limits", "organisation"})
            self.created.append(Created(name, "tenant.create", name, after))
        for budget in ([spec.budget] if spec.budget is not None else []) + spec.budgets:
            await self._budget(name, budget)
        for key in spec.keys:
            await self._key(name, key)

    async def admin(self, spec: AdminSpec, hashes: Mapping[str, str]) -> None:
        if await AccountRepository(self._session).by_email(spec.email) is not None:
            return
        user = await self._users.create(
            spec.email, hashes[spec.email.lower()], [Grant(Role(spec.role))]
        )
        self.created.append(Created(None, "user.create", user.id, {"role": spec.role}))

    async def _organisation(self, name: str) -> None:
        if await OrganisationRepository(self._session).get(name) is None:
            await self._organisations.create(name)
            self.created.append(Created(None, "organisation.create", name, {"name": name}))

    async def _budget(self, tenant: str, spec: BudgetSpec) -> None:
        scope_id = EACH if spec.scope == "end_user" else tenant
        existing = await self._budgets.list(self._session, tenant)
        wanted = (spec.scope, scope_id, spec.period)
        if any((one.scope, one.scope_id, one.period) == wanted for one in existing):
            return
        budget = await self._budgets.create(
            self._session,
            tenant,
            limit=spec.limit_usd,
            period=spec.period,
            hard=spec.hard,
            scope=spec.scope,
            scope_id=scope_id,
            alerts=_alert_rule(spec),
        )
        self.created.append(Created(tenant, "budget.create", budget.id, spec.model_dump()))

    async def _key(self, tenant: str, spec: KeySpec) -> None:
        value = self._environ.get(spec.env)
        if not value:
            if await KeyRepository(self._session, tenant).active_named(spec.name):
                return
            raise BootstrapFailed(
                f"The key {spec.name!r} of tenant {tenant!r} needs the environment variable "
                f"{spec.env} with its value. Set it and start again.",
                param=spec.env,
            )
        found = await find_key(self._session, key_hash(self._pepper, value))
        if found is None:
            key, _ = await self._keys.create_key(tenant, None, spec.name, value)
            self.created.append(Created(tenant, "key.create", key.id, {"name": spec.name}))
        elif found[1].name != tenant:
            raise BootstrapFailed(
                f"The value of {spec.env} is a key of another tenant already. "
                "Every key needs a value of its own.",
                param=spec.env,
            )


def _alert_rule(spec: BudgetSpec) -> AlertRule:
    return AlertRule.of(spec.alerts.model_dump() if spec.alerts is not None else None)


async def _password_hashes(
    database: Database, settings: Settings, environ: Mapping[str, str], passwords: Passwords
) -> dict[str, str]:
    """Hashes for the accounts that are missing, made before the transaction."""
    async with database.session() as session:
        missing = await _missing(AccountRepository(session), settings.bootstrap.admins)
    hashes = {}
    for admin in missing:
        password = environ.get(admin.password_env)
        if not password:
            raise BootstrapFailed(
                "An administrator's account needs the environment variable "
                f"{admin.password_env} with its first password. Set it and start again.",
                param=admin.password_env,
            )
        hashes[admin.email.lower()] = await passwords.hash(password)
    return hashes


async def _missing(accounts: AccountRepository, admins: Sequence[AdminSpec]) -> list[AdminSpec]:
    return [admin for admin in admins if await accounts.by_email(admin.email) is None]


async def _check_policies(session: AsyncSession, settings: Settings) -> None:
    """A policy that is gone must not turn into another one without anybody's decision."""
    for tenant in await TenantRepository(session).all(None):
        if tenant.policy not in settings.policies:
            raise BootstrapFailed(
                f"Tenant {tenant.name!r} has the policy {tenant.policy!r}, which the settings "
                "no longer hold. Put it back, or give the tenant another policy first.",
                param="policies",
            )


async def _record(session: AsyncSession, created: Created, clock: Clock) -> None:
    await append_admin(
        session,
        tenant=created.tenant,
        actor="bootstrap",
        method="config",
        action=created.action,
        target=created.target,
        after=created.after,
        clock=clock,
    )
