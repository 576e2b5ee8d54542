"""What was billed before double entry came is still there afterwards, and adds up."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import run_check
from billing.models import Budget, BudgetLease, BudgetPeriod, LedgerBalance, UsageRollup
from core.database import Amount, Database, UtcDateTime
from gateway.tenants.models import Tenant
from migrations.runner import downgrade, upgrade

_BEFORE = "20261122_vault"
_AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
_DAY = date(2026, 11, 21)


def _sql(columns: str, table: str) -> str:
    names = columns.split()
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES (:{', :'.join(names)})"


_ROWS = [
    (
        _sql("name display_name status policy limits created_at", "tenants"),
        {"name": "acme", "display_name": "Acme", "status": "active", "policy": "default"}
        | {"limits": "{}", "created_at": _AT},
    ),
    (
        _sql("id tenant name created_at", "projects"),
        {"id": "prj_1", "tenant": "acme", "name": "default", "created_at": _AT},
    ),
    (
        _sql("id tenant scope scope_id period hard limit_amount currency created_at", "budgets"),
        {"id": "bud_1", "tenant": "acme", "scope": "tenant", "scope_id": "acme", "currency": "USD"}
        | {"period": "month", "hard": True, "limit_amount": Decimal(10), "created_at": _AT},
    ),
    (
        _sql("id budget_id starts_at ends_at spent leased", "budget_periods"),
        {"id": "bud_1/2026-11", "budget_id": "bud_1", "spent": Decimal("0.3"), "leased": Decimal(1)}
        | {
            "starts_at": datetime(2026, 11, 1, tzinfo=UTC),
            "ends_at": datetime(2026, 12, 1, tzinfo=UTC),
        },
    ),
    (
        _sql("id period_id holder amount expires_at serial", "budget_leases"),
        {"id": "lea_1", "period_id": "bud_1/2026-11", "holder": "one", "amount": Decimal(1)}
        | {"expires_at": _AT, "serial": 1},
    ),
    (
        _sql("price_version token_class price per currency", "price_units"),
        {"price_version": "pv_1", "token_class": "input", "price": Decimal("0.1")}
        | {"per": 1, "currency": "USD"},
    ),
]


async def _fill(database: Database) -> None:
    """One tenant with two settled requests in the same hour, one of them reserved before."""
    rows = list(_ROWS)
    for number, tokens in ((1, 1), (2, 2)):
        cost = Decimal(tokens) / 10
        kinds = [("settle", cost)] + ([("reserve", Decimal(1))] if number == 1 else [])
        for kind, amount in kinds:
            rows.append(
                (
                    _sql("request_id kind tenant at amount currency", "ledger_entries"),
                    {"request_id": f"req_{number}", "kind": kind, "tenant": "acme", "at": _AT}
                    | {"amount": amount, "currency": "USD"},
                )
            )
        columns = "request_id tenant at day project_id key_id model price_version input_tokens "
        columns += "cached_input_tokens cache_write_tokens output_tokens reasoning_tokens "
        columns += "worker_seconds cost currency estimated"
        counts = dict.fromkeys(columns.split()[9:13], 0)
        rows.append(
            (
                _sql(columns, "usage_records"),
                {"request_id": f"req_{number}", "tenant": "acme", "at": _AT, "day": _DAY}
                | {"project_id": "prj_1", "key_id": "key_1", "model": "m", "price_version": "pv_1"}
                | {"input_tokens": tokens, **counts, "worker_seconds": Decimal(0), "cost": cost}
                | {"currency": "USD", "estimated": False},
            )
        )
    async with database.transaction() as session:
        dialect = session.get_bind().dialect
        for statement, values in rows:
            bound = {
                name: _bound(value, dialect, database.is_sqlite) for name, value in values.items()
            }
            await session.execute(text(statement), bound)


def _bound(value: object, dialect: object, sqlite: bool) -> object:
    if isinstance(value, Decimal):
        return Amount().process_bind_param(value, dialect)  # type: ignore[arg-type]
    if isinstance(value, datetime):
        at = UtcDateTime().process_bind_param(value, dialect)  # type: ignore[arg-type]
        return str(at) if sqlite else at
    if sqlite and isinstance(value, date):
        return value.isoformat()
    return value


@pytest.fixture
async def migrated(database: Database) -> Database:
    await downgrade(database, _BEFORE)
    await _fill(database)
    await upgrade(database)
    return database


async def test_roll_ups_and_balances_are_made_of_what_was_there(migrated: Database) -> None:
    report = await run_check(migrated)
    assert report.problems == []
    async with migrated.session() as session:
        (rollup,) = await session.scalars(select(UsageRollup))
        balances = {
            row.account: row.balance for row in await session.scalars(select(LedgerBalance))
        }
    assert (rollup.requests, rollup.input_tokens, rollup.cost) == (2, 3, Decimal("0.3"))
    assert rollup.hour == _AT.replace(minute=0)
    assert balances == {"unbilled": Decimal("0.3"), "revenue": Decimal("-0.3")}


async def test_nothing_that_others_refer_to_is_lost(migrated: Database) -> None:
    async with migrated.session() as session:
        assert (await session.get_one(Tenant, "acme")).organisation is None
        assert (await session.get_one(Budget, "bud_1")).scope == "tenant"
        assert (await session.get_one(BudgetPeriod, "bud_1/2026-11")).leased == 1
        assert (await session.get_one(BudgetLease, "lea_1")).amount == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount = '1'",
        "DELETE FROM ledger_entries",
        "INSERT INTO ledger_entries (request_id, kind, tenant, at, amount, currency)"
        " SELECT 'x', 'gift', tenant, at, amount, currency FROM ledger_entries",
        "INSERT INTO budgets (id, tenant, scope, scope_id, period, hard, limit_amount, currency,"
        " created_at) SELECT 'x', tenant, 'planet', scope_id, period, hard, limit_amount,"
        " currency, created_at FROM budgets",
    ],
)
async def test_the_rules_of_the_tables_hold_after_the_change(
    migrated: Database, statement: str
) -> None:
    with pytest.raises(DBAPIError):
        async with migrated.transaction() as session:
            await session.execute(text(statement))


async def test_and_all_the_way_back(migrated: Database) -> None:
    await downgrade(migrated, _BEFORE)
    async with migrated.session() as session:
        count = await session.scalar(text("SELECT count(*) FROM ledger_entries"))
        leases = await session.scalar(text("SELECT count(*) FROM budget_leases"))
    assert (count, leases) == (3, 1)
