import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from billing import AlertRule, BudgetService
from core.clock import ManualClock
from core.database import Database
from gateway.audit.models import AuditRecord
from gateway.settings import Settings, parse_settings
from gateway.tenants.bootstrap import Created, bootstrap
from gateway.tenants.errors import BootstrapFailed, InvalidValue
from gateway.tenants.limits import Limits
from gateway.tenants.models import Project, Tenant, User, VirtualKey
from gateway.tenants.passwords import Passwords
from gateway.tenants.service import KeyService, TenantService, authenticate

PEPPER = b"p" * 32
CLOCK = ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
ENVIRON = {"SOV_KEY_ACME": "sov-key-of-acme-1", "SOV_ADMIN_PASSWORD": "a long pass phrase"}


def settings(**changes: Any) -> Settings:
    tenant = {
        "name": "acme",
        "policy": "default",
        "budget": {"limit_usd": "10.00", "period": "month", "hard": True},
        "limits": {"rpm": 600, "tpm": 1_000_000, "parallel": 64},
        "keys": [{"name": "app", "env": "SOV_KEY_ACME"}],
    }
    admin = {"email": "Owner@example.com", "password_env": "SOV_ADMIN_PASSWORD", "role": "owner"}
    section = {"tenants": [tenant | changes], "admins": [admin]}
    return parse_settings({"bootstrap": section, "policies": {"default": {}, "strict": {}}})


async def run(
    database: Database, given: Settings | None = None, environ: dict[str, str] = ENVIRON
) -> list[str]:
    created: tuple[Created, ...] = await bootstrap(
        database,
        given or settings(),
        pepper=PEPPER,
        clock=CLOCK,
        environ=environ,
        passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    )
    return [one.action for one in created]


async def counts(database: Database) -> list[int]:
    async with database.session() as session:
        tables = (Tenant, Project, VirtualKey, User, AuditRecord)
        return [await session.scalar(select(func.count()).select_from(t)) or 0 for t in tables]


async def test_what_is_missing_is_created_and_the_second_run_changes_nothing(
    database: Database,
) -> None:
    created = await run(database)
    assert created == ["tenant.create", "budget.create", "key.create", "user.create"]
    first = await counts(database)
    assert first == [1, 1, 1, 1, 4]
    async with database.session() as session:
        principal = await authenticate(session, ENVIRON["SOV_KEY_ACME"], PEPPER)
        (budget,) = await BudgetService(CLOCK).list(session, "acme")
    assert principal is not None
    assert principal.limits == Limits(600, 1_000_000, 64)
    assert (budget.limit, budget.period, budget.hard) == (Decimal(10), "month", True)
    assert await run(database) == []
    assert await run(database, environ={}) == []  # secrets of what exists are not needed
    assert await counts(database) == first


async def test_what_was_changed_since_stays(database: Database) -> None:
    await run(database)
    async with database.transaction() as session:
        tenants = TenantService(session, CLOCK, {"default", "strict"})
        await tenants.update("acme", status="suspended", policy="strict", limits=Limits(rpm=1))
        keys = KeyService(session, CLOCK, PEPPER)
        (key,) = await keys.list("acme")
        await keys.revoke_key("acme", key.id)
    assert await run(database) == []
    async with database.session() as session:
        (tenant,) = await TenantService(session, CLOCK, ()).list()
        (key,) = await KeyService(session, CLOCK, PEPPER).list("acme")
    assert (tenant.status, tenant.policy, tenant.limits["rpm"]) == ("suspended", "strict", 1)
    assert key.revoked_at is not None


async def test_what_the_file_gained_is_added(database: Database) -> None:
    await run(database)
    more = settings(keys=[{"name": "app", "env": "SOV_KEY_ACME"}, {"name": "bot", "env": "BOT"}])
    assert await run(database, more, ENVIRON | {"BOT": "sov-key-of-a-bot"}) == ["key.create"]


async def test_replicas_that_start_together_create_once(database: Database) -> None:
    done = await asyncio.gather(*(run(database) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 4]
    assert (await counts(database))[:4] == [1, 1, 1, 1]


@pytest.mark.parametrize("missing", ["SOV_KEY_ACME", "SOV_ADMIN_PASSWORD"])
async def test_a_missing_secret_is_named_and_nothing_is_created(
    database: Database, missing: str
) -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != missing}
    with pytest.raises(BootstrapFailed, match=missing):
        await run(database, environ=environ)
    assert await counts(database) == [0] * 5


async def test_a_key_is_one_tenants_and_a_secret(database: Database) -> None:
    await run(database)
    with pytest.raises(BootstrapFailed, match="another tenant"):
        await run(database, settings(name="globex"))
    with pytest.raises(InvalidValue):
        await run(database, settings(name="globex"), ENVIRON | {"SOV_KEY_ACME": "short"})


async def test_a_policy_that_is_gone_stops_the_start(database: Database) -> None:
    await run(database, settings(policy="strict"))
    with pytest.raises(BootstrapFailed, match="strict"):
        await run(database, parse_settings({"policies": {"default": {}}}))


async def test_an_organisation_more_budgets_and_alerts(database: Database) -> None:
    alerts = {"thresholds": [80, 100], "emails": ["cfo@example.com"]}
    more = [
        {"limit_usd": "1", "period": "day", "scope": "end_user", "hard": False},
        {"limit_usd": "50", "period": "total", "alerts": alerts},
    ]
    given = settings(organisation="group", budgets=more)
    assert (await run(database, given))[:2] == ["organisation.create", "tenant.create"]
    async with database.session() as session:
        principal = await authenticate(session, ENVIRON["SOV_KEY_ACME"], PEPPER)
        budgets = await BudgetService(CLOCK).list(session, "acme")
    assert principal is not None
    assert principal.organisation == "group"
    found = {(b.scope, b.scope_id, b.period, b.hard): b for b in budgets}
    assert found.keys() == {
        ("tenant", "acme", "month", True),
        ("end_user", "*", "day", False),
        ("tenant", "acme", "total", True),
    }
    total = found["tenant", "acme", "total", True]
    assert total.alerts == AlertRule((80, 100), (), ("cfo@example.com",))
    assert await run(database, given) == []
