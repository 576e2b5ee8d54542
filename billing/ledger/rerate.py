"""Re-rating: a period under another state of the price book, as adjustment entries.

Nothing old changes. Where a request costs something else under the book, an entry
of the difference is added: to its own cost and to what earlier re-ratings entered
for it, so that the same re-rating twice writes nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport, UnpricedModel
from billing.ledger.accounts import of_kind
from billing.ledger.adjust import Correction, enter
from billing.ledger.rates import record_rates
from billing.ledger.rerated import is_rerating, rerating_id
from billing.ledger.rerating_report import RerateReport
from billing.locks import lock_tenants
from billing.models import Invoice, LedgerEntry, PriceRate, UsageRecord
from billing.prices import CostBreakdown, PriceBook
from billing.prices.hits import hit_cost, share_of
from billing.reports.usage import validate_span
from billing.usage import TOKEN_CLASSES, Usage
from core.clock import Clock
from core.database import Database
from core.money import EXACT, ZERO

_PAGE = 2000  # requests looked at together
_BATCH = 500  # entries written under one lock
_ARROW = " -> "

Progress = Callable[[int], Awaitable[None]]  # requests examined so far


@dataclass(frozen=True, slots=True)
class Request:
    """A settled request and what the ledger says of it.

    Args:
        batch: it was billed at a batch rate.
        hit_share: it was a hit of the cache, which costs this share; else None.
        rerated: how often it was re-rated, to which rate at last, and by how much in all.
    """

    record: UsageRecord
    organisation: str | None
    batch: bool
    hit_share: Decimal | None = None
    rerated: int = 0
    last_rate: str | None = None
    entered: Decimal = ZERO

    @property
    def rate(self) -> str:
        return self.last_rate or self.record.price_version

    @property
    def cost(self) -> Decimal:
        return EXACT.add(self.record.cost, self.entered)

    @property
    def usage(self) -> Usage:
        record = self.record
        counts: dict[str, Any] = {
            f"{name}_tokens": getattr(record, f"{name}_tokens") for name in TOKEN_CLASSES
        }
        return Usage(**counts, worker_seconds=record.worker_seconds)

    def price(self, book: PriceBook) -> CostBreakdown:
        """Raises ``UnpricedModel``."""
        record = self.record
        breakdown = book.price(
            record.model, record.at, self.usage, tenant=record.tenant, batch=self.batch
        )
        return breakdown if self.hit_share is None else hit_cost(breakdown, self.hit_share)


async def rerate(
    database: Database,
    clock: Clock,
    book: PriceBook,
    tenant: str,
    start: datetime,
    end: datetime,
    *,
    author: str,
    model: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> RerateReport:
    """Bring the requests of a tenant in ``[start, end)`` to the prices of a book.

    An entry is dated as its request where that month has no final invoice, else now.
    It moves the budgets and accounts as every adjustment does. A run that was cut
    short is finished by running it again.

    Args:
        model: only requests of it.
        dry_run: say what would be written, and write nothing.

    Raises:
        InvalidReport: the span ends before it starts, or holds costs in another
            currency than the book's.
    """
    validate_span(start, end)
    report = RerateReport(tenant, start, end, book.currency, dry_run)
    async for page in _pages(database, tenant, start, end, model):
        changed = [request for request in page if _differs(request, book, report)]
        if not dry_run:
            for first in range(0, len(changed), _BATCH):
                ids = [one.record.request_id for one in changed[first : first + _BATCH]]
                report.entries += await _write(database, clock, book, tenant, ids, author)
        if progress is not None:
            await progress(report.examined)
    return report


def _differs(request: Request, book: PriceBook, report: RerateReport) -> bool:
    record = request.record
    if record.currency != book.currency:
        raise InvalidReport(
            f"The span holds costs in {record.currency}, the price book is in {book.currency}; "
            "re-rate only the time since the currency changed.",
            param="from",
        )
    report.examined += 1
    try:
        breakdown = request.price(book)
    except UnpricedModel:
        report.unpriced[record.model] = report.unpriced.get(record.model, 0) + 1
        return False
    if breakdown.total == request.cost:
        return False
    rates = (request.rate, breakdown.price_version)
    report.add(record.model, *rates, request.cost, breakdown.total)
    return True


async def _pages(
    database: Database, tenant: str, start: datetime, end: datetime, model: str | None
) -> AsyncIterator[list[Request]]:
    record, after = UsageRecord, (start, "")
    while True:
        query = _requests().where(
            record.tenant == tenant,
            record.at < end,
            or_(
                record.at > after[0],
                and_(record.at == after[0], record.request_id > after[1]),
            ),
        )
        if model is not None:
            query = query.where(record.model == model)
        async with database.session() as session:
            query = query.order_by(record.at, record.request_id).limit(_PAGE)
            page = await _with_reratings(session, tenant, (await session.execute(query)).all())
        if not page:
            return
        yield page
        after = (page[-1].record.at, page[-1].record.request_id)


def _requests() -> Any:
    """Requests with the organisation that their entry names, and how they were rated."""
    closing = and_(LedgerEntry.request_id == UsageRecord.request_id, of_kind("settle"))
    return (
        select(UsageRecord, LedgerEntry.organisation, PriceRate.batch, PriceRate.window)
        .select_from(UsageRecord)
        .join(LedgerEntry, closing)
        .outerjoin(PriceRate, PriceRate.id == UsageRecord.price_version)
    )


async def _with_reratings(session: AsyncSession, tenant: str, rows: Iterable[Any]) -> list[Request]:
    requests = {
        record.request_id: Request(record, organisation, bool(batch), share_of(window))
        for record, organisation, batch, window in rows
    }
    query = select(LedgerEntry).where(
        LedgerEntry.reference.in_(requests), LedgerEntry.tenant == tenant, is_rerating(LedgerEntry)
    )
    for entry in await session.scalars(query.order_by(LedgerEntry.id)):
        known = requests[entry.reference or ""]
        requests[known.record.request_id] = Request(
            known.record,
            known.organisation,
            known.batch,
            known.hit_share,
            known.rerated + 1,
            (entry.reason or "").rpartition(_ARROW)[2],
            EXACT.add(known.entered, entry.amount),
        )
    return list(requests.values())


async def _write(
    database: Database,
    clock: Clock,
    book: PriceBook,
    tenant: str,
    request_ids: Sequence[str],
    author: str,
) -> int:
    """Look again under the tenant's lock, then enter the differences."""
    async with database.transaction() as session:
        await lock_tenants(session, [tenant])
        query = _requests().where(
            UsageRecord.tenant == tenant, UsageRecord.request_id.in_(request_ids)
        )
        found = (await session.execute(query.order_by(UsageRecord.request_id))).all()
        invoiced, now = await _invoiced_until(session, tenant), clock.now()
        corrections: list[Correction] = []
        breakdowns: list[CostBreakdown] = []
        for request in await _with_reratings(session, tenant, found):
            breakdown = request.price(book)
            at = request.record.at
            posted = now if invoiced is not None and at < invoiced else at
            correction = _correction(request, breakdown, posted, author)
            if correction.amount:
                corrections.append(correction)
                breakdowns.append(breakdown)
        await record_rates(session, breakdowns)
        return await enter(session, tenant, corrections, now)


def _correction(
    request: Request, breakdown: CostBreakdown, posted: datetime, author: str
) -> Correction:
    record, rate = request.record, breakdown.price_version
    return Correction(
        id=rerating_id(record.request_id, rate, request.rerated + 1),
        amount=EXACT.subtract(breakdown.total, request.cost),
        at=posted,
        reason=f"re-rated: {request.rate}{_ARROW}{rate}",
        author=author,
        record=record,
        organisation=request.organisation,
        currency=record.currency,
    )


async def _invoiced_until(session: AsyncSession, tenant: str) -> datetime | None:
    query = select(func.max(Invoice.ends_at)).where(
        Invoice.tenant == tenant, Invoice.kind == "invoice", Invoice.status == "final"
    )
    return await session.scalar(query)
