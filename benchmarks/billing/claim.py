"""The vendors' claim of "one sixth of the cost", checked with published prices.

A month of a stated workload is settled at DeepSeek's official prices (peak and
off-peak, October 2026) and compared with gpt-5.5 and claude-opus-4-7, and with
everything on think-max. ``python -m benchmarks.billing.claim``.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage, month_span, snapshot
from billing.reports.counterfactual import AlwaysThink
from billing.reports.savings import savings_report
from billing.reports.savings_rows import SavingsReport
from core.clock import ManualClock
from core.database import Database
from core.money import format_amount
from gateway.cli.options import print_table
from migrations.runner import upgrade

_MONTH = "2026-11"
_BASELINES = ("gpt-5.5", "claude-opus-4-7")
_BUSY_HOURS = range(7, 18)  # UTC; three times the traffic of the others, on weekdays
_PEAK = {
    "name": "peak",
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "hours": ["01:00-04:00", "06:00-10:00"],
    "holidays": "china",
    "factor": "2",
}


def _price(model: str, cached: str, fresh: str, output: str, **more: Any) -> dict[str, Any]:
    prices = {"cached_input": cached, "input": fresh, "output": output}
    return {"model": model, "effective_from": "2026-01-01", **prices, **more}


BOOK = PriceBook.from_settings(
    [
        _price("deepseek-flash", "0.003", "0.15", "0.60", windows=[_PEAK]),
        _price("deepseek-v4-pro", "0.022", "0.66", "1.98", windows=[_PEAK]),
        _price(
            "gpt-5.5", "0.50", "5", "30", steps=[{"above": 272_000, "input": "10", "output": "45"}]
        ),
        _price("claude-opus-4-7", "0.50", "5", "25", cache_write="6.25"),
    ],
    more={"calendars": [{"name": "china", "country": "CN"}]},
)


@dataclass(frozen=True, slots=True)
class Work:
    """Requests an hour outside busy hours, and what each of them uses."""

    trend: str
    tier: str
    model: str
    an_hour: int
    fresh: int
    cached: int
    output: int
    reasoning: int = 0


WORKLOAD = (
    Work("chat", "flash", "deepseek-flash", 3, 700, 500, 300),
    Work("extraction", "flash", "deepseek-flash", 2, 2600, 400, 120),
    Work("code", "non-think", "deepseek-v4-pro", 1, 2200, 1800, 700),
    Work("code", "think-max", "deepseek-v4-pro", 1, 2200, 1800, 900, 5400),
    Work("math", "think-max", "deepseek-v4-pro", 1, 800, 0, 600, 4800),
)


def settlements() -> Iterator[Settlement]:
    """The month, hour by hour, at the prices of each instant."""
    start, end = month_span(_MONTH)
    hour, number = start, 0
    while hour < end:
        busy = hour.weekday() < 5 and hour.hour in _BUSY_HOURS
        for work in WORKLOAD:
            for minute in range(work.an_hour * (3 if busy else 1)):
                number += 1
                yield _settlement(work, hour + timedelta(minutes=minute), number)
        hour += timedelta(hours=1)


def _settlement(work: Work, at: datetime, number: int) -> Settlement:
    reservation = Reservation(
        request_id=f"req_{number}",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(0),
        at=at,
    )
    usage = Usage(
        input_tokens=work.fresh,
        cached_input_tokens=work.cached,
        output_tokens=work.output,
        reasoning_tokens=work.reasoning,
    )
    return Settlement.settle(
        reservation,
        usage=usage,
        breakdown=BOOK.price(work.model, at, usage),
        model=work.model,
        tier=work.tier,
        trend=work.trend,
    )


async def reports(database: Database) -> list[SavingsReport]:
    """Settle the month in an empty database, and compare it."""
    bodies = [settlement.to_json() for settlement in settlements()]
    sink = LedgerSink(ManualClock(datetime(2026, 12, 1, tzinfo=UTC)))
    async with database.transaction() as session:
        await sink.apply(session, bodies)
    # Chat and extraction never think here, so their ratio is an assumption: 4.
    think = AlwaysThink(
        tier="think-max", model="deepseek-v4-pro", thinking=("think-max",), assumed=Decimal(4)
    )
    span = month_span(_MONTH)
    async with snapshot(database) as session:
        return [
            await savings_report(session, BOOK, "acme", *span, baseline=model, think=think)
            for model in _BASELINES
        ]


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'claim.db'}")
        await upgrade(database)
        found = await reports(database)
        await database.dispose()
    for report in found:
        rows = [*report.rows, report.total]
        names = ("cost", "baseline", "baseline_ratio", "always_think", "always_think_ratio")
        print_table(
            [
                {"trend": row.trend or "total", "requests": row.requests}
                | {name: _short(getattr(row, name)) for name in names}
                | {
                    "reasoning": _short(row.reasoning_ratio),
                    "source": row.reasoning and row.reasoning.source,
                }
                for row in rows
            ]
        )
        print(f"{report.verdict}\n")


def _short(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount.quantize(Decimal("0.01")))


if __name__ == "__main__":
    asyncio.run(_main())
