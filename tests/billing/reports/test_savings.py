"""The savings report, worked out by hand: baseline, always-think, and the claim of one sixth."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import (
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    adjust,
    month_span,
    snapshot,
    write_table,
)
from billing.errors import InvalidReport, UnpricedModel
from billing.prices import UNPRICED, CostBreakdown, CostLine
from billing.reports.counterfactual import AlwaysThink
from billing.reports.savings import savings_report
from billing.reports.savings_rows import SavingsReport
from core.database import Database

_NOVEMBER = month_span("2026-11")
_DAY_1 = datetime(2026, 11, 3, 10, 30, tzinfo=UTC)
_DAY_2 = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)


def _price(model: str, prices: str, since: str = "2026-01-01", **more: Any) -> dict[str, Any]:
    own, out = prices.split()
    return {"model": model, "effective_from": since, "input": own, "output": out, **more}


_STEP = {"above": 272_000, "input": "10", "output": "45"}
_BOOK = PriceBook.from_settings(
    [
        _price("sov-flash", "0.15 0.60", guard="0.10", embedding="0.02"),
        _price("sov-pro", "0.66 1.98"),
        _price("gpt-5.5", "5 30", steps=[_STEP]),
        _price("gpt-5.5", "2.5 15", "2026-11-20"),
        _price("six", "0.90 3.60"),
        _price("almost-six", "0.90 3.59"),
    ]
)
_THINK = AlwaysThink(
    tier="think-max", model="sov-pro", thinking=("think-high", "think-max"), assumed=Decimal(2)
)


def _settlement(
    number: int, at: datetime, model: str, trend: str | None, tier: str, usage: Usage
) -> Settlement:
    reservation = Reservation(
        request_id=f"req_{number}",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=at,
    )
    if model == UNPRICED:
        line = CostLine("input", Decimal(usage.input_tokens), Decimal(0), 1, Decimal(0))
        breakdown = CostBreakdown(UNPRICED, "USD", (line,))
    else:
        breakdown = _BOOK.price(model, at, usage)
    return Settlement.settle(
        reservation, usage=usage, breakdown=breakdown, model=model, trend=trend, tier=tier
    )


@pytest.fixture
async def traffic(stage: Any, database: Database) -> Database:
    """One long chat on flash, mathematics on both tiers, and what no model would change."""
    await stage.drain(
        _settlement(
            1, _DAY_1, "sov-flash", "chat", "flash", Usage(input_tokens=10**6, output_tokens=10**5)
        ),
        _settlement(
            2,
            _DAY_1,
            "sov-pro",
            "math",
            "think-max",
            Usage(input_tokens=100_000, output_tokens=10_000, reasoning_tokens=40_000),
        ),
        _settlement(
            3, _DAY_2, "sov-flash", "math", "flash", Usage(input_tokens=10_000, output_tokens=1000)
        ),
    )
    return database


async def _report(database: Database, **options: Any) -> SavingsReport:
    async with snapshot(database) as session:
        options = {"baseline": "gpt-5.5", "tenant": "acme"} | options
        return await savings_report(session, _BOOK, options.pop("tenant"), *_NOVEMBER, **options)


async def test_a_baseline_at_the_prices_of_the_day(traffic: Database) -> None:
    """chat: 0.15 + 0.06 against 5 + 3. math: 0.066 + 0.0198 + 0.0792 and 0.0015 + 0.0006,
    against 0.5 + 0.3 + 1.2 and, at half the price since the 20th, 0.025 + 0.015."""
    report = await _report(traffic)
    assert [(r.trend, r.requests, r.cost, r.baseline) for r in report.rows] == [
        ("chat", 1, Decimal("0.21"), Decimal(8)),
        ("math", 2, Decimal("0.1671"), Decimal("2.04")),
    ]
    assert (report.total.cost, report.total.baseline) == (Decimal("0.3771"), Decimal("10.04"))
    assert report.verdict == "26.62 times cheaper than gpt-5.5: the claim of 6x holds."
    assert report.tenants == [report.total]
    assert report.total.always_think is None


async def test_a_precise_report_sees_the_length_of_each_prompt(traffic: Database) -> None:
    """The chat has a prompt beyond 272,000 tokens: 10 + 4.5 instead of 5 + 3."""
    rough, precise = await _report(traffic), await _report(traffic, precise=True)
    assert precise.rows[0].baseline == Decimal("14.5")
    assert precise.rows[1] == rough.rows[1]
    assert any("hourly sums" in note for note in rough.notes)
    assert not any("hourly sums" in note for note in precise.notes)


async def test_always_thinking_is_measured_or_stated(traffic: Database) -> None:
    """math thinks 40,000 / 10,000 = 4 a token, so 1000 become 0.0066 + 0.00198 + 0.00792
    beside 0.165 as it was; chat at the stated 2: 0.66 + 0.198 + 0.396."""
    report = await _report(traffic, think=_THINK)
    assert [(r.trend, r.always_think, r.reasoning_ratio) for r in report.rows] == [
        ("chat", Decimal("1.254"), Decimal(2)),
        ("math", Decimal("0.1815"), Decimal(4)),
    ]
    sources = [row.reasoning.source if row.reasoning else None for row in report.rows]
    assert sources == ["assumed", "measured on 1 requests of think-max"]
    assert report.total.always_think_ratio == Decimal("3.81")
    with pytest.raises(InvalidReport, match="trend chat"):
        await _report(traffic, think=AlwaysThink(tier="think-max", model="sov-pro"))


async def test_another_thinking_tier_tells_where_the_wanted_one_is_idle(traffic: Database) -> None:
    think = AlwaysThink(
        tier="think-high",
        model="sov-pro",
        thinking=("think-high", "think-max"),
        assumed=Decimal(1),
    )
    report = await _report(traffic, think=think)
    reasoning = report.rows[1].reasoning
    assert reasoning is not None
    assert reasoning.source == "measured on 1 requests of think-high, think-max"


@pytest.mark.parametrize(
    ("baseline", "ratio", "holds"), [("six", "6", True), ("almost-six", "5.99", False)]
)
async def test_the_claim_is_judged_exactly(
    stage: Any, database: Database, baseline: str, ratio: str, holds: bool
) -> None:
    usage = Usage(input_tokens=1000, output_tokens=500)
    await stage.drain(_settlement(1, _DAY_1, "sov-flash", None, "flash", usage))
    report = await _report(database, baseline=baseline)
    assert (report.claim_holds, str(report.total.baseline_ratio)) == (
        holds,
        str(Decimal(ratio).quantize(Decimal("0.01"))),
    )
    assert ("holds" if holds else "does not hold") in report.verdict


async def test_guards_and_embeddings_cost_the_same_on_both_sides(
    stage: Any, database: Database
) -> None:
    """0.015 and 100,000 * 0.10/M beside 0.5 for the model; 10**6 * 0.02/M embedded."""
    chat = Usage(input_tokens=100_000, guard_tokens=100_000)
    await stage.drain(
        _settlement(1, _DAY_1, "sov-flash", "chat", "flash", chat),
        _settlement(2, _DAY_1, "sov-flash", None, "flash", Usage(embedding_tokens=10**6)),
    )
    for precise in (False, True):
        report = await _report(database, precise=precise)
        assert [(r.trend, r.cost, r.baseline) for r in report.rows] == [
            (None, Decimal("0.02"), Decimal("0.02")),
            ("chat", Decimal("0.025"), Decimal("0.51")),
        ]


async def test_corrections_count_and_what_has_no_price_does_not(
    traffic: Database, stage: Any
) -> None:
    await stage.drain(_settlement(4, _DAY_1, UNPRICED, "chat", "flash", Usage(input_tokens=10**6)))
    async with traffic.transaction() as session:
        facts: dict[str, Any] = {"reason": "goodwill", "author": "finance"}
        facts["request_id"] = "req_1"
        await adjust(session, stage.clock, tenant="acme", amount="-0.01", **facts)
    for precise in (False, True):
        report = await _report(traffic, precise=precise)
        chat = report.rows[0]
        assert (chat.requests, chat.unpriced_requests, chat.cost) == (1, 1, Decimal("0.2"))
        left_out = "Requests left out, since they have no price: 1"
        assert any(note.startswith(left_out) for note in report.notes)


async def test_tenants_are_apart(traffic: Database) -> None:
    everybody = await _report(traffic, tenant=None)
    assert (everybody.tenant, everybody.total.cost) == (None, Decimal("0.3771"))
    nobody = await _report(traffic, tenant="globex")
    assert (nobody.rows, nobody.total.baseline_ratio) == ([], None)
    assert nobody.verdict == "Nothing was paid, so there is nothing to compare."


async def test_an_unknown_baseline_says_what_to_do(traffic: Database) -> None:
    with pytest.raises(UnpricedModel, match="add one to the price book"):
        await _report(traffic, baseline="gpt-7")


async def test_it_is_json_and_a_table(traffic: Database, tmp_path: Path) -> None:
    report = await _report(traffic, think=_THINK)
    body = json.loads(json.dumps(report.to_json()))
    assert body["claim"] == {
        "factor": "6",
        "holds": True,
        "verdict": "26.62 times cheaper than gpt-5.5: the claim of 6x holds.",
    }
    assert body["rows"][1]["reasoning_source"] == "measured on 1 requests of think-max"
    for file_format in ("csv", "parquet", "xlsx"):
        path = tmp_path / f"savings.{file_format}"
        write_table(report.table(), path, file_format)
        assert path.stat().st_size
