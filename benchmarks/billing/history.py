"""Months of made-up traffic in a database: entries, records, roll-ups, rates and balances agree.

Requests are drawn inside PostgreSQL, a day at a time and in the order of admission, with
every index in place; rates and roll-ups come from the code that the gateway runs. Tenants
are uneven: the first has a fifth of all traffic.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import LedgerSink, PriceBook, Settlement, Usage
from billing.ledger.rebuild import rebuild_rollups
from billing.settlement import Reservation
from core.clock import ManualClock
from core.database import Database
from core.money import format_amount

FIRST, MONTHS = date(2026, 8, 1), ("2026-08", "2026-09", "2026-10")
_LAST = date(2026, 11, 1)
_SLOTS = 20_000  # of one tenant, key, model and trend each; a request draws one
# Two thirds of the requests have a hard budget, so a reserve entry beside the closing one.
ENTRIES_PER_REQUEST = Decimal(5) / 3
_TRENDS = ("chat", "code", "search", "summary", "extraction", "translation")
_MODELS = {  # model: tier, upstream, zone, price per million of input, cached input, output
    "sov-flash": ("flash", "pool", "onprem", "0.15", "0.003", "0.60"),
    "sov-pro": ("pro", "pool", "onprem", "0.55", "0.05", "2.20"),
    "gpt-5.5": ("frontier", "openai", "us", "1.25", "0.125", "10"),
    "claude-opus-4-7": ("frontier", "anthropic", "eu", "5", "0.5", "25"),
}
_FULL = Usage(input_tokens=1, cached_input_tokens=1, output_tokens=1, reasoning_tokens=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """How much to make."""

    entries: int = 1_000_000
    tenants: int = 50
    seed: int = 7

    @property
    def requests_per_day(self) -> int:
        return round(self.entries / ENTRIES_PER_REQUEST / (_LAST - FIRST).days)


def tenant_names(shape: Shape) -> list[str]:
    """The largest first."""
    return [f"tenant-{number:03d}" for number in range(shape.tenants)]


async def fill(database: Database, shape: Shape) -> None:
    """Make the history in an empty, migrated PostgreSQL."""
    async with database.transaction() as session:
        await _make_rates(session)
        await _make_slots(session, shape)
        await session.execute(text(f"SELECT setseed(0.{shape.seed})"))
    for number in range((_LAST - FIRST).days):
        async with database.transaction() as session:
            await _make_day(session, FIRST + timedelta(days=number), shape)
    for tenant in tenant_names(shape):
        async with database.transaction() as session:
            await rebuild_rollups(session, tenant)
    async with database.transaction() as session:
        await session.execute(text(_BALANCES))
    await _tidy(database)


async def _make_rates(session: AsyncSession) -> None:
    """Two rates per model, the second from 16 September on; drained as the gateway drains."""
    sink = LedgerSink(ManualClock(datetime(2026, 7, 31, tzinfo=UTC)))
    await session.execute(text(_RATES))
    for number, (at, until) in enumerate(((FIRST, date(2026, 9, 16)), (date(2026, 9, 16), _LAST))):
        book = _book(1 + number)
        for model in _MODELS:
            rate = book.rate(model, datetime(2026, 7, 31, number, tzinfo=UTC))
            settlement = _settlement(f"{model}-{number}", model, rate.cost(_FULL))
            await sink.apply(session, [settlement.to_json()])
            prices = {
                name: format_amount(rate.prices[name] / rate.unit(name))
                for name in ("input", "cached_input", "output", "reasoning")
            }
            row = {"rate": rate.id, "model": model, "at": at, "until": until, **prices}
            await session.execute(
                text(
                    "INSERT INTO bench_rates VALUES (:rate, :model, :at, :until, "
                    "(:input)::text::numeric, (:cached_input)::text::numeric, "
                    "(:output)::text::numeric, (:reasoning)::text::numeric)"
                ),
                row,
            )


def _book(factor: int) -> PriceBook:
    prices = [
        {
            "model": model,
            "effective_from": "2026-01-01",
            "input": format_amount(Decimal(facts[3]) * factor),
            "cached_input": format_amount(Decimal(facts[4]) * factor),
            "output": format_amount(Decimal(facts[5]) * factor),
        }
        for model, facts in _MODELS.items()
    ]
    return PriceBook.from_settings(prices)


def _settlement(name: str, model: str, breakdown: Any) -> Settlement:
    reservation = Reservation(
        request_id=f"req_{name}",
        tenant="tenant-000",
        project_id="prj_0",
        key_id="key_0",
        amount=breakdown.total,
        at=datetime(2026, 7, 31, tzinfo=UTC),
    )
    return Settlement.settle(reservation, usage=_FULL, breakdown=breakdown, model=model)


async def _make_slots(session: AsyncSession, shape: Shape) -> None:
    await session.execute(text(_SLOT_TABLE))
    insert = text(
        "INSERT INTO bench_slots SELECT * FROM json_populate_recordset(NULL::bench_slots, :rows)"
    )
    await session.execute(insert, {"rows": json.dumps(list(_slots(shape)))})


def _slots(shape: Shape) -> Iterator[dict[str, Any]]:
    """Tenants as 1/rank behind the first, keys as 1/rank; a key has one main model."""
    rng = random.Random(shape.seed)
    names, models = tenant_names(shape), list(_MODELS)
    rest = [1 / rank for rank in range(2, shape.tenants + 1)]
    weights = [sum(rest) / 4, *rest]
    for slot, tenant in enumerate(rng.choices(range(shape.tenants), weights, k=_SLOTS)):
        keys = range(60 if tenant == 0 else 20 if tenant < 10 else 6)
        (key,) = rng.choices(keys, [1 / (rank + 1) for rank in keys])
        main = models[key % len(models)]
        model = main if rng.random() < 0.8 else rng.choice(models)
        tier, upstream, zone = _MODELS[model][:3]
        yield {
            "slot": slot,
            "tenant": names[tenant],
            "project_id": f"prj_{tenant:013d}{key % 5:013d}",
            "key_id": f"key_{tenant:013d}{key:013d}",
            "model": model,
            "tier": tier,
            "upstream": upstream,
            "zone": zone,
            "trend": _TRENDS[(key + rng.choice((0, 0, 0, 1, 2))) % len(_TRENDS)],
        }


async def _make_day(session: AsyncSession, day: date, shape: Shape) -> None:
    values = {"day": day, "requests": shape.requests_per_day, "slots": _SLOTS}
    await session.execute(text(_DAY), values)
    for statement in (_ENTRIES, _RECORDS, _ADJUSTMENTS):
        await session.execute(text(statement))
    await session.execute(text("DROP TABLE bench_day"))


async def _tidy(database: Database) -> None:
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in ("bench_slots", "bench_rates"):
            await plain.execute(text(f"DROP TABLE {table}"))
        for table in ("ledger_entries", "usage_records", "usage_rollups", "usage_days"):
            await plain.execute(text(f"VACUUM ANALYZE {table}"))


_RATES = """CREATE UNLOGGED TABLE bench_rates (
  rate text, model text, at date, until date,
  input numeric, cached_input numeric, output numeric, reasoning numeric)"""

_SLOT_TABLE = """CREATE UNLOGGED TABLE bench_slots (
  slot int PRIMARY KEY, tenant text, project_id text, key_id text,
  model text, tier text, upstream text, zone text, trend text)"""

# A request's numbers are drawn once (MATERIALIZED), then joined with its slot and its rate.
_DAY = """CREATE TEMPORARY TABLE bench_day ON COMMIT DROP AS
WITH drawn AS MATERIALIZED (
  SELECT floor(random() * :slots)::int AS slot,
    (CAST(:day AS date) AT TIME ZONE 'UTC') + random() * interval '86399.999 s' AS at,
    md5(random()::text) AS noise,
    (50 + random() * 3000)::bigint AS input_tokens,
    (CASE WHEN random() < 0.4 THEN random() * 2000 ELSE 0 END)::bigint AS cached_input_tokens,
    (10 + random() * 800)::bigint AS output_tokens,
    (CASE WHEN random() < 0.3 THEN random() * 1500 ELSE 0 END)::bigint AS reasoning_tokens,
    random() < 0.05 AS estimated,
    CASE WHEN random() < 0.03 THEN 'disconnected' ELSE 'completed' END AS ended,
    random() < 2.0 / 3 AS held
  FROM generate_series(1, CAST(:requests AS int)))
SELECT s.*, d.at, d.estimated, d.ended, d.held,
  d.input_tokens, d.cached_input_tokens, d.output_tokens, d.reasoning_tokens,
  'req_' || lpad(to_hex((extract(epoch FROM d.at) * 1000)::bigint), 10, '0')
    || substr(d.noise, 1, 16) AS request_id,
  r.rate AS price_version,
  d.input_tokens * r.input + d.cached_input_tokens * r.cached_input
    + d.output_tokens * r.output + d.reasoning_tokens * r.reasoning AS cost
FROM drawn d JOIN bench_slots s USING (slot)
JOIN bench_rates r ON r.model = s.model AND r.at <= :day AND :day < r.until
ORDER BY d.at"""

_ENTRIES = """INSERT INTO ledger_entries
  (request_id, kind, tenant, at, amount, currency, debit, credit)
SELECT request_id, kind, tenant, at, CASE kind WHEN 'reserve' THEN cost * 2 ELSE cost END,
  'USD', 'unbilled', 'revenue'
FROM bench_day, (VALUES ('settle'), ('reserve')) AS kinds (kind)
WHERE held OR kind = 'settle' ORDER BY at"""

_RECORDS = """INSERT INTO usage_records
  (request_id, tenant, at, day, project_id, key_id, model, tier, upstream, zone, trend,
   price_version, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
   reasoning_tokens, guard_tokens, embedding_tokens, worker_seconds, surcharge, cost, currency,
   estimated, ended)
SELECT request_id, tenant, at, (at AT TIME ZONE 'UTC')::date, project_id, key_id, model, tier,
  upstream, zone, trend, price_version, input_tokens, cached_input_tokens, 0, output_tokens,
  reasoning_tokens, 0, 0, 0, 0, cost, 'USD', estimated, ended
FROM bench_day ORDER BY at"""

# One correction per tenant and day, of its first request.
_ADJUSTMENTS = """INSERT INTO ledger_entries
  (request_id, kind, tenant, at, amount, currency, debit, credit, reference, reason, author)
SELECT DISTINCT ON (tenant) 'adj_' || substr(request_id, 5), 'adjustment', tenant, at, -cost,
  'USD', 'unbilled', 'revenue', request_id, 'made up', 'bench'
FROM bench_day ORDER BY tenant, at"""

_BALANCES = """INSERT INTO ledger_balances (tenant, account, currency, balance)
SELECT tenant, account, 'USD', sum(amount * sign)
FROM ledger_entries, (VALUES ('unbilled', 1), ('revenue', -1)) AS accounts (account, sign)
WHERE kind IN ('settle', 'adjustment') GROUP BY tenant, account
ON CONFLICT (tenant, account, currency) DO UPDATE SET balance = EXCLUDED.balance"""
