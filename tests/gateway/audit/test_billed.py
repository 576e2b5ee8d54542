"""The audit trail against the ledger: every request that an upstream saw is accounted for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from billing import (
    LedgerSink,
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    month_span,
    snapshot,
)
from billing.reports.reconciliation import reconciliation_report
from core.clock import ManualClock, isoformat
from core.database import Database
from core.money import format_amount
from gateway.audit import AuditChain, CacheHit, Entry, RequestRecord
from gateway.audit.billed import SeenByUpstreams, seen_by_upstreams, with_trail

_NOVEMBER = month_span("2026-11")
_BOOK = PriceBook.from_settings(
    [{"model": "m", "effective_from": "2026-01-01", "input": "1", "output": "1"}]
)


def _settlement(request_id: str, at: datetime, tokens: int, tenant: str = "acme") -> Settlement:
    reservation = Reservation(
        request_id=request_id,
        tenant=tenant,
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=at,
    )
    usage = Usage(input_tokens=tokens)
    breakdown = _BOOK.price("m", at, usage)
    return Settlement.settle(
        reservation, usage=usage, breakdown=breakdown, model="m", upstream="pool"
    )


def _entry(
    request_id: str,
    at: datetime,
    *,
    outcome: str = "completed",
    upstream: str | None = "pool",
    cost: Decimal | None = None,
    tenant: str = "acme",
    cache: CacheHit | None = None,
) -> Entry:
    record = RequestRecord(
        cache=cache,
        request_id=request_id,
        tenant=tenant,
        outcome=outcome,
        surface="chat",
        started_at=isoformat(at - timedelta(milliseconds=5)),
        ended_at=isoformat(at + timedelta(seconds=9)),
        upstream=upstream,
        cost=None if cost is None else format_amount(cost),
    )
    fields = record.to_dict()
    del fields["tenant"], fields["request_id"]
    return Entry(tenant, request_id, "request", fields)


@pytest.fixture
async def november(database: Database) -> Database:
    """Two billed requests, the second settled in the next minute, which is December; one that
    failed before it answered; one that a guard refused; one of globex."""
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    last = datetime(2026, 11, 30, 23, 59, 59, 999000, tzinfo=UTC)
    settlements = [
        _settlement("req_1", at, 1000),
        _settlement("req_2", last, 500),
        _settlement("req_9", at, 7, "globex"),
    ]
    costs = {one.request_id: one.cost for one in settlements}
    entries = [
        _entry("req_1", at, cost=costs["req_1"]),
        _entry("req_2", last, outcome="disconnected", cost=costs["req_2"]),
        _entry("req_3", at, outcome="error"),
        _entry("req_4", at, outcome="blocked", upstream=None),
        _entry("req_9", at, tenant="globex", cost=costs["req_9"]),
    ]
    async with database.transaction() as session:
        await LedgerSink(ManualClock(at)).apply(session, [one.to_json() for one in settlements])
        await AuditChain(ManualClock(last + timedelta(minutes=1))).append(session, entries)
    return database


async def _seen(
    database: Database, tenant: str | None = "acme", month: str = "2026-11", limit: int = 10
) -> SeenByUpstreams:
    async with snapshot(database) as session:
        return await seen_by_upstreams(session, tenant, *month_span(month), limit=limit)


async def test_both_sides_know_the_same_requests_and_costs(november: Database) -> None:
    seen = await _seen(november)
    assert (seen.billed, seen.ledger_cost, seen.trail_cost) == (2, *(Decimal("0.0015"),) * 2)
    assert [row[0] for row in seen.free.requests] == ["req_3"]
    assert (seen.free.count, seen.lost.count, seen.unseen.count) == (1, 0, 0)
    assert all(proof.equal for proof in seen.proofs())
    everybody = await _seen(november, None)
    assert (everybody.billed, everybody.ledger_cost) == (3, Decimal("0.001507"))
    december = await _seen(november, month="2026-12")
    assert (december.billed, december.free.count) == (0, 0)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM usage_records WHERE request_id = 'req_1'", (1, ["req_1"], [])),
        ("DELETE FROM audit_records WHERE request_id = 'req_2'", (1, [], ["req_2"])),
    ],
)
async def test_what_one_side_lacks_is_named(
    november: Database, damage: str, found: tuple[int, list[str], list[str]]
) -> None:
    async with november.transaction() as session:
        await session.execute(text(damage))
    seen = await _seen(november)
    lost, unseen = ([row[0] for row in side.requests] for side in (seen.lost, seen.unseen))
    assert (seen.billed, lost, unseen) == found
    assert not seen.proofs()[0].equal


async def test_lists_are_bounded_and_counts_are_not(november: Database) -> None:
    async with november.transaction() as session:
        await session.execute(text("DELETE FROM audit_records"))
    seen = await _seen(november, limit=1)
    assert (seen.unseen.count, len(seen.unseen.requests)) == (2, 1)


async def test_the_sheet_gets_the_trail_beside_it(november: Database) -> None:
    async with snapshot(november) as session:
        report = await reconciliation_report(session, "acme", *_NOVEMBER)
        report = await with_trail(session, report)
    assert report.ok
    sources = {(proof.left_source, proof.right_source) for proof in report.proofs}
    assert ("audit trail", "usage records") in sources
    table = report.tables()[-1]
    assert (table.title, [row[:2] for row in table.rows]) == (
        "upstreams",
        [["not charged", "req_3"]],
    )


async def test_a_hit_of_the_cache_is_seen_too(november: Database) -> None:
    """No upstream was asked, and it is billed and recorded all the same."""
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    settlement = _settlement("req_7", at, 10)
    hit = CacheHit(kind="exact", request_id="req_1", model="m", age_s=5)
    entry = _entry("req_7", at, upstream=None, cost=settlement.cost, cache=hit)
    before = await _seen(november)
    async with november.transaction() as session:
        await LedgerSink(ManualClock(at)).apply(session, [settlement.to_json()])
        await AuditChain(ManualClock(datetime(2026, 12, 1, 1, tzinfo=UTC))).append(session, [entry])
    after = await _seen(november)
    assert after.billed == before.billed + 1
    assert after.unseen == before.unseen
    assert after.trail_cost == after.ledger_cost
