"""Stage 7: usage -> cost -> ledger and audit record. Every request reaches it, however it went."""

import asyncio

from billing import BudgetKeeper, CostBreakdown, Usage
from billing.budgets.bounds import LearnedBounds
from core.clock import Clock
from core.money import format_amount
from gateway.archive import Archive
from gateway.audit import Journal
from gateway.caching.use import cache_cost, cache_usage
from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.http.errors import http_error
from gateway.limits import LocalLimiter
from gateway.pipeline.stage import Stage
from gateway.records import Prices, price_usage, request_record, settlement_of, usage_of
from gateway.tenants.limits import Limits

_STRANGERS = Limits(rpm=600)


class Settle(Stage):
    """Prices what was used, closes the reservation, journals the outcome."""

    name = "settle"

    def __init__(
        self,
        prices: Prices,
        budgets: BudgetKeeper,
        journal: Journal,
        clock: Clock,
        bounds: LearnedBounds | None = None,
        archive: Archive | None = None,
    ) -> None:
        self._archive = archive
        self._prices = prices
        self._bounds = bounds
        self._budgets = budgets
        self._journal = journal
        self._clock = clock

        self._strangers = LocalLimiter(clock)

    async def enter(self, exchange: Exchange) -> None:
        if exchange.principal is None and not await self._may_record_stranger():
            exchange.timing.ended = self._clock.monotonic()
            return
        breakdown = await self._price(exchange)
        settlement = settlement_of(exchange, breakdown)
        exchange.timing.ended = self._clock.monotonic()
        if self._archive is not None:
            self._archive.answer(exchange)
        record = request_record(
            exchange,
            self._clock,
            status=self._status(exchange),
            weights_digest=self._weights_digest(exchange),
        )
        if exchange.reservation is not None and settlement is not None:
            self._budgets.settle(exchange.reservation, settlement.cost)
        await self._journal.outcome(
            exchange.request_id,
            record,
            settlement,
            exchange.bodies if exchange.called else (),
        )

    async def _may_record_stranger(self) -> bool:
        """Requests without a valid key are recorded up to a rate, then only counted:
        who has no key must not be able to fill the disk."""
        try:
            await self._strangers.acquire((("strangers", _STRANGERS),), 0)
        except LimitExceeded:
            return False
        return True

    async def _price(self, exchange: Exchange) -> CostBreakdown | None:
        exchange.usage = await self._usage(exchange)
        if exchange.usage is None or exchange.route is None or exchange.reservation is None:
            return None
        reservation = exchange.reservation
        breakdown = price_usage(
            exchange.price_book or self._prices,
            exchange.route.target.model,
            reservation.at,
            exchange.usage,
            reservation.tenant,
            batch=exchange.priority == "batch",
        )
        breakdown = cache_cost(exchange, breakdown)
        self._learn(exchange, exchange.route.target.model, exchange.usage)
        exchange.cost_text = format_amount(breakdown.total)
        exchange.price_version, exchange.currency = breakdown.price_version, breakdown.currency
        return breakdown

    def _learn(self, exchange: Exchange, model: str, usage: Usage) -> None:
        """What was cut or estimated says little about what requests use."""
        if self._bounds is not None and exchange.outcome == "completed" and not usage.estimated:
            self._bounds.observe(
                model,
                body_bytes=exchange.body_bytes,
                input_tokens=usage.prompt_tokens,
                output_tokens=usage.completion_tokens,
            )

    async def _usage(self, exchange: Exchange) -> Usage | None:
        """Counting is work for a thread: a tokenizer takes milliseconds for a long text."""
        if exchange.passage is None or not exchange.called:
            return exchange.usage or cache_usage(exchange)
        if exchange.error is not None:
            # Who failed may say what it had done until then, whatever form its error has.
            exchange.surface.keep_usage(exchange, exchange.error.context.get("usage"))
        counter = exchange.passage.deployed.counter
        if exchange.raw_usage is not None:
            return usage_of(exchange, counter)
        return await asyncio.to_thread(usage_of, exchange, counter)

    def _status(self, exchange: Exchange) -> int | None:
        if exchange.head_sent:
            return 200
        if exchange.disconnected:
            return None
        return 200 if exchange.error is None else http_error(exchange.error).status

    def _weights_digest(self, exchange: Exchange) -> str | None:
        if exchange.passage is None or not exchange.called:
            return None
        return exchange.passage.deployed.weights_digest(exchange.target.model)
