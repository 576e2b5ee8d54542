"""The reconciliation sheet: proofs, lists of what to look at, an upstream's own statement."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from billing import PriceBook, Reservation, Settlement, Usage, adjust, month_span, snapshot
from billing.errors import InvalidReport
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.prices import UNPRICED, CostBreakdown, CostLine
from billing.reports.files import write_workbook
from billing.reports.reconciliation import ReconciliationReport, reconciliation_report
from billing.reports.statement import read_statement
from core.database import Database

_NOVEMBER = month_span("2026-11")
_BOOK = PriceBook.from_settings(
    [
        {
            "model": "sov-flash",
            "effective_from": "2026-01-01",
            "input": "0.15",
            "cached_input": "0.003",
            "output": "0.60",
        },
        {
            "model": "sov-pro",
            "effective_from": "2026-01-01",
            "input": "0.66",
            "output": "1.98",
            "worker_second": "0.001",
        },
    ],
    more={"markups": [{"percent": "10", "model": "sov-pro", "effective_from": "2026-01-01"}]},
)
_AT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def _settlement(number: int, model: str, usage: Usage, **facts: Any) -> Settlement:
    reservation = Reservation(
        request_id=f"req_{number}",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=_AT + timedelta(days=number),
    )
    if facts.pop("unpriced", False):
        line = CostLine("input", Decimal(usage.input_tokens), Decimal(0), 1, Decimal(0))
        breakdown = CostBreakdown(UNPRICED, "USD", (line,))
    else:
        breakdown = _BOOK.price(model, reservation.at, usage)
    return Settlement.settle(reservation, usage=usage, breakdown=breakdown, model=model, **facts)


@pytest.fixture
async def november(stage: Any, database: Database) -> Database:
    """Two requests of a provider (21st, 22nd), two of a pool (23rd, 24th), one without a price
    (25th), and a credit."""
    provider = {"upstream": "deepseek", "zone": "cn"}
    pool = {"upstream": "pool", "zone": "onprem"}
    await stage.drain(
        _settlement(
            1,
            "sov-flash",
            Usage(input_tokens=1000, cached_input_tokens=500, output_tokens=100),
            **provider,
        ),
        _settlement(
            2,
            "sov-flash",
            Usage(input_tokens=2000, output_tokens=10, estimated=True),
            ended="disconnected",
            **provider,
        ),
        _settlement(
            3,
            "sov-pro",
            Usage(input_tokens=100, output_tokens=40, worker_seconds=Decimal("1.5")),
            **pool,
        ),
        _settlement(4, "sov-pro", Usage(output_tokens=5), ended="interrupted", **pool),
        _settlement(5, "sov-new", Usage(input_tokens=70), unpriced=True, **pool),
    )
    stage.clock.advance(timedelta(days=6))
    async with database.transaction() as session:
        facts: dict[str, Any] = {"reason": "goodwill", "author": "finance"}
        facts["request_id"] = "req_1"
        await adjust(session, stage.clock, tenant="acme", amount="-0.0001", **facts)
    return database


async def _report(database: Database, **options: Any) -> ReconciliationReport:
    async with snapshot(database) as session:
        tenant = options.pop("tenant", "acme")
        return await reconciliation_report(session, tenant, *_NOVEMBER, **options)


async def test_by_upstream_model_and_zone(november: Database) -> None:
    """0.00015 + 0.0000015 + 0.00006 and 0.0003 + 0.000006; with 10 % on top:
    100 * 0.726/M + 40 * 2.178/M + 1.5 * 0.0011 and 5 * 2.178/M."""
    report = await _report(november)
    names = ("upstream", "model", "zone", "requests", "counted_by_upstream", "counted_by_us")
    names += ("cut_requests", "unpriced_requests", "worker_seconds", "cost")
    rows = [tuple(row[name] for name in names) for row in report.to_json()["rows"]]
    assert rows == [
        ("deepseek", "sov-flash", "cn", 2, 1, 1, 1, 0, "0", "0.0005175"),
        ("pool", "sov-new", "onprem", 1, 1, 0, 0, 1, "0", "0"),
        ("pool", "sov-pro", "onprem", 2, 2, 0, 1, 0, "1.5", "0.00182061"),
    ]
    assert report.charged.settled == Decimal("0.00233811")
    assert (report.charged.adjustments, report.charged.total) == (1, Decimal("0.00223811"))


async def test_the_books_agree(november: Database) -> None:
    report = await _report(november)
    assert report.ok
    proofs = [(p.what, p.left_source, p.right_source, str(p.left)) for p in report.proofs]
    assert ("requests", "settle entries", "usage records", "5") in proofs
    # 1600 + 2010 + 140 + 5 + 70
    assert ("tokens", "usage records", "roll-ups", "3825") in proofs
    assert len(proofs) == 7


@pytest.mark.parametrize(
    ("damage", "what", "sources", "difference"),
    [
        (
            "UPDATE usage_days SET requests = requests + 1 WHERE upstream = 'deepseek'",
            "requests",
            ("usage records", "roll-ups"),
            Decimal(-2),
        ),
        (
            "UPDATE usage_records SET output_tokens = 200 WHERE request_id = 'req_1'",
            "cost",
            ("usage records", "quantity * price"),
            Decimal("-0.00006"),
        ),
        (
            "DELETE FROM usage_records WHERE request_id = 'req_4'",
            "cost",
            ("settle entries", "usage records"),
            Decimal("0.00001089"),
        ),
        ("DELETE FROM price_units", "cost", ("usage records", "quantity * price"), None),
    ],
)
async def test_damage_shows_as_a_difference(
    november: Database, damage: str, what: str, sources: tuple[str, str], difference: Decimal | None
) -> None:
    async with november.transaction() as session:
        await session.execute(text(damage))
    report = await _report(november)
    assert not report.ok
    (proof,) = [
        p for p in report.proofs if p.what == what and (p.left_source, p.right_source) == sources
    ]
    assert (proof.equal, proof.difference) == (False, difference)


async def test_what_to_look_at_is_listed_up_to_a_limit(november: Database) -> None:
    report = await _report(november)
    found = {one.kind: [row.request_id for row in one.requests] for one in report.notable}
    assert found == {"unpriced": ["req_5"], "estimated": ["req_2"], "cut": ["req_2", "req_4"]}
    cut = report.notable[2]
    assert (cut.count, cut.cost) == (2, Decimal("0.00031689"))
    assert [row.ended for row in cut.requests] == ["disconnected", "interrupted"]
    (_, _, short) = (await _report(november, limit=1)).notable
    assert (short.count, short.cost, len(short.requests)) == (2, cut.cost, 1)


_STATEMENT = """\
day, model, input, cached, output, cost
2026-11-21, sov-flash, 1000, 500, 60, 0.00018
2026-11-21, sov-flash, 0, 0, 40, 0.0000315
2026-11-22, sov-flash, 2100, 0, 10, 0.000321
2026-11-23, sov-pro, 100, 0, 40, 0.0016452
2026-12-01, sov-flash, 9, 9, 9, 9
"""


async def test_an_upstreams_own_statement(november: Database) -> None:
    """The 22nd states 100 tokens (0.000015) more; the pool is compared at list prices: 0.66,
    1.98 and 0.001 a second."""
    statement = read_statement(_STATEMENT.splitlines())
    report = await _report(november, statement=statement)
    rows = {(row.day, row.model): row for row in report.statement or []}
    assert rows.keys() == {
        ("2026-11-21", "sov-flash"),
        ("2026-11-22", "sov-flash"),
        ("2026-11-23", "sov-pro"),
        ("2026-11-24", "sov-pro"),
        ("2026-11-25", "sov-new"),
    }
    assert rows["2026-11-21", "sov-flash"].equal
    assert rows["2026-11-23", "sov-pro"].equal
    second = rows["2026-11-22", "sov-flash"]
    assert (second.differences, second.cost_difference) == ((100, 0, 0), Decimal("0.000015"))
    unstated = rows["2026-11-24", "sov-pro"]
    assert (unstated.differences, unstated.cost_difference) == ((0, 0, -5), Decimal("-0.0000099"))
    only = await _report(november, statement=statement, upstream="deepseek")
    assert [row.day for row in only.statement or [] if row.ours.cost] == [
        "2026-11-21",
        "2026-11-22",
    ]
    assert report.ok  # a statement's differences are for people to judge


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("day,model,input,output,cost", "lacks the column 'cached'"),
        ("day,model,input,cached,output,cost\n21.11.2026,m,1,1,1,1", "Line 2"),
        ("day,model,input,cached,output,cost\n2026-11-21,m,1.5,1,1,1", "Line 2"),
        ("day,model,input,cached,output,cost\n2026-11-21,m,1,1,1,1e-30", "Line 2"),
        ("", "lacks the column 'day'"),
    ],
)
def test_a_statement_that_is_none(lines: str, problem: str) -> None:
    with pytest.raises(InvalidReport, match=problem):
        read_statement(lines.splitlines())


async def test_a_final_invoice_is_proved_too(november: Database, stage: Any) -> None:
    stage.clock.advance(timedelta(days=10))
    invoices = InvoiceService(
        stage.clock, InvoiceTerms(seller=Seller(name="Seller", address="Street 1"))
    )
    async with november.transaction() as session:
        profile = Profile(legal_name="Acme Ltd", address="Street 2")
        await put_profile(session, stage.clock, "acme", profile, author="finance")
        draft = await invoices.draft(session, "acme", "2026-11", author="finance")
        await invoices.finalise(session, "acme", draft.invoice.id, author="finance")
    report = await _report(november)
    proof = report.proofs[-1]
    assert report.ok
    assert proof.right_source.startswith("INV-2026-")
    assert (proof.left, proof.right) == (Decimal("0.00223811"),) * 2
    assert len((await _report(november, tenant=None)).proofs) == 7


async def test_another_tenant_has_nothing_to_reconcile(november: Database) -> None:
    report = await _report(november, tenant="globex")
    assert (report.usage.rows, report.ok, report.charged.total) == ([], True, 0)
    assert {one.count for one in report.notable} == {0}


async def test_it_is_json_and_a_workbook(november: Database, tmp_path: Path) -> None:
    statement = read_statement(_STATEMENT.splitlines())
    report = await _report(november, statement=statement)
    json.dumps(report.to_json())
    path = tmp_path / "reconciliation.xlsx"
    write_workbook(report.tables(), report.facts(), path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        "reconciliation",
        "proofs",
        "unpriced",
        "estimated",
        "cut",
        "statement",
        "facts",
    ]
    assert ("cut_count", "2") in list(book["facts"].iter_rows(values_only=True))
    assert len(list(book["statement"].iter_rows())) == 6
