"""What the settings' ``bootstrap`` section asks for, created where it is missing.

Nothing that exists is changed: a tenant that was suspended or renamed since stays so,
a revoked key stays revoked, a password that was changed stays. The same file twice
changes nothing. Secrets come from the environment only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from gateway.audit import append_admin
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.errors import BootstrapFailed
from gateway.tenants.keys import key_hash
from gateway.tenants.limits import Limits
from gateway.tenants.passwords import Passwords
from gateway.tenants.repository import KeyRepository, TenantRepository, find_key
from gateway.tenants.roles import Grant, Role
from gateway.tenants.service import KeyService, TenantService
from gateway.tenants.users import UserService


class KeySpec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def env(self) -> str: ...


class LimitsSpec(Protocol):
    @property
    def rpm(self) -> int | None: ...
    @property
    def tpm(self) -> int | None: ...
    @property
    def parallel(self) -> int | None: ...


class BudgetSpec(Protocol):
    @property
    def limit_usd(self) -> Decimal: ...
    @property
    def period(self) -> str: ...
    @property
    def hard(self) -> bool: ...


class TenantSpec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def display_name(self) -> str | None: ...
    @property
    def policy(self) -> str: ...
    @property
    def budget(self) -> BudgetSpec | None: ...
    @property
    def limits(self) -> LimitsSpec: ...
    @property
    def keys(self) -> Sequence[KeySpec]: ...


class AdminSpec(Protocol):
    @property
    def email(self) -> str: ...
    @property
    def password_env(self) -> str: ...
    @property
    def role(self) -> str: ...


class BootstrapSpec(Protocol):
    """``gateway.settings.BootstrapSettings``."""

    @property
    def tenants(self) -> Sequence[TenantSpec]: ...
    @property
    def admins(self) -> Sequence[AdminSpec]: ...


class TenantBudgets(Protocol):
    """The part of billing that a first budget needs, in the caller's transaction."""

    async def ensure_tenant_budget(
        self, session: AsyncSession, tenant: str, *, period: str, limit_usd: Decimal, hard: bool
    ) -> str | None:
        """The id of the budget if it had to be created."""
        ...


@dataclass(frozen=True, slots=True)
class Created:
    """What was missing: ``tenant acme``, ``key acme/app``, ..."""

    objects: tuple[str, ...]


class Bootstrap:
    """One run over the section.

    Args:
        environ: where the secrets are; ``os.environ``.
        policies: the names that a tenant's policy may have.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        pepper: bytes,
        policies: Collection[str],
        budgets: TenantBudgets,
        passwords: Passwords,
        environ: Mapping[str, str],
    ) -> None:
        self._database = database
        self._clock = clock
        self._pepper = pepper
        self._policies = policies
        self._budgets = budgets
        self._passwords = passwords
        self._environ = environ

    async def run(self, spec: BootstrapSpec) -> Created:
        """Create what is missing, all or nothing.

        Raises:
            BootstrapFailed: a secret is not in the environment.
            InvalidValue, AlreadyExists: a key's value will not do or is another's.
        """
        hashes = await self._password_hashes(spec.admins)
        created: list[str] = []
        async with self._database.transaction() as session:
            await TenantRepository(session).lock_bootstrap()
            for tenant in spec.tenants:
                created += await self._tenant(session, tenant)
            for admin in spec.admins:
                created += await self._admin(session, admin, hashes)
        return Created(tuple(created))

    async def _tenant(self, session: AsyncSession, spec: TenantSpec) -> list[str]:
        created = []
        if await TenantRepository(session).get(spec.name) is None:
            await TenantService(session, self._clock, self._policies).create_tenant(
                spec.name,
                display_name=spec.display_name,
                policy=spec.policy,
                limits=Limits(spec.limits.rpm, spec.limits.tpm, spec.limits.parallel),
            )
            await self._record(session, spec.name, "tenant.create", spec.name, {"name": spec.name})
            created.append(f"tenant {spec.name}")
        if spec.budget is not None:
            created += await self._budget(session, spec.name, spec.budget)
        for key in spec.keys:
            created += await self._key(session, spec.name, key)
        return created

    async def _budget(self, session: AsyncSession, tenant: str, spec: BudgetSpec) -> list[str]:
        budget_id = await self._budgets.ensure_tenant_budget(
            session, tenant, period=spec.period, limit_usd=spec.limit_usd, hard=spec.hard
        )
        if budget_id is None:
            return []
        after = {"period": spec.period, "limit_usd": spec.limit_usd, "hard": spec.hard}
        await self._record(session, tenant, "budget.create", budget_id, after)
        return [f"budget {tenant}/{spec.period}"]

    async def _key(self, session: AsyncSession, tenant: str, spec: KeySpec) -> list[str]:
        value = self._environ.get(spec.env)
        if not value:
            if await KeyRepository(session, tenant).active_named(spec.name):
                return []
            raise BootstrapFailed(
                f"The key {spec.name!r} of tenant {tenant!r} needs the environment variable "
                f"{spec.env} with its value. Set it and start again.",
                param=spec.env,
            )
        found = await find_key(session, key_hash(self._pepper, value))
        if found is not None:
            return self._known(tenant, spec, owner=found[1].name)
        key, _ = await KeyService(session, self._clock, self._pepper).create_key(
            tenant, None, spec.name, value
        )
        after = {"name": spec.name, "prefix": key.prefix}
        await self._record(session, tenant, "key.create", key.id, after)
        return [f"key {tenant}/{spec.name}"]

    def _known(self, tenant: str, spec: KeySpec, *, owner: str) -> list[str]:
        if owner != tenant:
            raise BootstrapFailed(
                f"The value of {spec.env} is a key of another tenant already. "
                "Every key needs a value of its own.",
                param=spec.env,
            )
        return []

    async def _password_hashes(self, admins: Sequence[AdminSpec]) -> dict[str, str]:
        """Hashes for the accounts that are missing, made before the transaction."""
        async with self._database.session() as session:
            accounts = AccountRepository(session)
            missing = [a for a in admins if await accounts.by_email(a.email) is None]
        hashes = {}
        for admin in missing:
            password = self._environ.get(admin.password_env)
            if not password:
                raise BootstrapFailed(
                    "An administrator's account needs the environment variable "
                    f"{admin.password_env} with its first password. Set it and start again.",
                    param=admin.password_env,
                )
            hashes[admin.email.lower()] = await self._passwords.hash(password)
        return hashes

    async def _admin(
        self, session: AsyncSession, spec: AdminSpec, hashes: Mapping[str, str]
    ) -> list[str]:
        if await AccountRepository(session).by_email(spec.email) is not None:
            return []
        password_hash = hashes.get(spec.email.lower())
        if password_hash is None:
            raise BootstrapFailed("An account was deleted while it was looked at. Start again.")
        user = await UserService(session, self._clock).create(
            spec.email, password_hash, [Grant(Role(spec.role))]
        )
        await self._record(session, None, "user.create", user.id, {"role": spec.role})
        return [f"{spec.role} account"]

    async def _record(
        self, session: AsyncSession, tenant: str | None, action: str, target: str, after: Any
    ) -> None:
        await append_admin(
            session,
            tenant=tenant,
            actor="bootstrap",
            method="config",
            action=action,
            target=target,
            after=after,
            clock=self._clock,
        )


async def bootstrap(
    database: Database,
    spec: BootstrapSpec,
    *,
    clock: Clock,
    pepper: bytes,
    policies: Collection[str],
    budgets: TenantBudgets,
    environ: Mapping[str, str],
    passwords: Passwords | None = None,
) -> Created:
    """Create what the section asks for and the database lacks; see ``Bootstrap.run``."""
    run = Bootstrap(
        database,
        clock,
        pepper=pepper,
        policies=policies,
        budgets=budgets,
        passwords=passwords or Passwords(),
        environ=environ,
    )
    return await run.run(spec)
