"""Embeddings of questions, asked of an upstream as a request of its own.

The same rules hold as for every request: the gate looks at the zone, the journal knows of it
before it is sent, it has an audit record and a settlement. What goes out is masked.
"""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import msgspec
import structlog

from billing import BudgetKeeper, Usage
from billing.errors import InvalidUsage, UnpricedModel
from core.clock import Clock
from core.errors import SovgateError
from core.ids import new_id
from core.money import ZERO, format_amount
from gateway.audit import Journal
from gateway.caching.semantic import unit
from gateway.errors import ShuttingDown, UpstreamInvalidReply, UpstreamTimeout
from gateway.exchange import Exchange, Timing
from gateway.prices import PriceDesk
from gateway.records import call_note, intent_body, price_usage, request_record, settlement_of
from gateway.routing.targets import Router
from gateway.upstreams import Gate, UpstreamRequest
from gateway.upstreams.resilience import Turn

if TYPE_CHECKING:
    import numpy as np

    from gateway.http.connection import Connection
    from gateway.surfaces import Surface

TIMEOUT_S = 2.0
_log = structlog.get_logger(__name__)


class _Asking:
    """In the place of a surface: how records name these requests."""

    name = "cache.embeddings"
    endpoint = "/embeddings"


class Embedder:
    """One per process."""

    def __init__(
        self,
        gate: Gate,
        router: Router,
        prices: PriceDesk,
        budgets: BudgetKeeper,
        journal: Journal,
        clock: Clock,
        *,
        refuse_unpriced: bool,
    ) -> None:
        self._gate = gate
        self._router = router
        self._prices = prices
        self._budgets = budgets
        self._journal = journal
        self._clock = clock
        self._refuse_unpriced = refuse_unpriced

    async def embed(self, exchange: Exchange, model: str, text: str) -> "np.ndarray | None":
        """The unit vector of a masked text; ``None`` where it cannot be had, which is no error."""
        asking = self._exchange(exchange, model, text)
        vector = None
        try:
            await self._admit(asking, exchange, text)
            vector = await self._ask(asking)
        except SovgateError as error:
            asking.error = error
        except asyncio.CancelledError:
            asking.disconnected = exchange.connection.disconnected
            if not asking.disconnected:
                asking.error = ShuttingDown("The gateway is stopping.")
            raise
        finally:
            await self._settle(asking)
        if asking.error is not None:
            _log.warning("cache.no_embedding", code=asking.error.code)
        return vector

    def _exchange(self, parent: Exchange, model: str, text: str) -> Exchange:
        principal, policy = parent.authenticated
        return Exchange(
            request_id=new_id("req"),
            surface=cast("Surface", _Asking()),
            connection=cast("Connection", parent.connection),
            started_at=self._clock.now(),
            timing=Timing(started=self._clock.monotonic()),
            trace=parent.trace,
            principal=principal,
            policy=policy,
            body={"model": model, "input": [text]},
            body_bytes=len(text.encode("utf-8", "surrogatepass")),
            end_user=parent.end_user,
        )

    async def _admit(self, asking: Exchange, parent: Exchange, text: str) -> None:
        principal, policy = asking.authenticated
        asking.targets = self._router.targets(asking.body["model"], policy)
        asking.route = self._router.choose(
            asking.targets, asking.body, policy, tenant=principal.tenant
        )
        at = self._clock.now()
        asking.price_book = self._prices.book
        asking.reservation = await self._budgets.reserve(
            request_id=asking.request_id,
            tenant=principal.tenant,
            project_id=principal.project_id,
            key_id=principal.key_id,
            amount=self._worst_case(asking, at, 2 * asking.body_bytes + 64),
            organisation=principal.organisation,
            end_user=parent.end_user,
            at=at,
        )
        asking.intent = self._journal.intent(asking.request_id, intent_body(asking))
        await asking.intent
        asking.timing.admitted = asking.timing.inspected = self._clock.monotonic()

    def _worst_case(self, asking: Exchange, at: Any, tokens: int) -> Decimal:
        tenant, target = asking.authenticated[0].tenant, asking.target
        seconds = Decimal(str(min(TIMEOUT_S, target.timeout_s)))
        try:
            return self._prices.worst_case(
                target.model, at, tokens, 0, tenant=tenant, max_worker_seconds=seconds
            )
        except UnpricedModel:
            if self._refuse_unpriced:
                raise
            return ZERO

    async def _ask(self, asking: Exchange) -> "np.ndarray | None":
        policy, target = asking.authenticated[1], asking.target
        asking.timing.routed = self._clock.monotonic()
        passage = self._gate.clear(target.upstream, zone=target.zone, allowed=policy.zones)
        asking.passage = passage
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await passage.enter(lambda: _turn(asking))
                self._journal.note(asking.request_id, call_note(asking))
                asking.called = True
                asking.timing.called = self._clock.monotonic()
                asking.reply = await passage.send(self._request(asking), asking.attempts)
                asking.timing.head = self._clock.monotonic()
                raw = await asking.reply.read()
        except TimeoutError:
            raise UpstreamTimeout(
                f"Upstream {target.upstream} did not embed in time.", upstream=target.upstream
            ) from None
        return self._read(asking, raw)

    def _request(self, asking: Exchange) -> UpstreamRequest:
        return UpstreamRequest(
            body={**asking.body, "model": asking.target.model, "encoding_format": "float"},
            stream=False,
            affinity="",
            request_id=asking.request_id,
            endpoint=_Asking.endpoint,
            trace=asking.trace.headers() if asking.trace is not None else None,
        )

    def _read(self, asking: Exchange, raw: bytes) -> "np.ndarray | None":
        try:
            answer = msgspec.json.decode(raw)
            usage = answer.get("usage")
            if isinstance(usage, dict):
                asking.usage = Usage.from_openai_embedding(usage)
            return unit(answer["data"][0]["embedding"])
        except (ValueError, LookupError, TypeError, AttributeError, InvalidUsage):
            raise UpstreamInvalidReply("The upstream's answer is no embedding.") from None

    async def _settle(self, asking: Exchange) -> None:
        if asking.reply is not None:
            await asking.reply.aclose()
        if asking.passage is not None:
            if asking.usage is None and asking.reply is not None:
                counted = asking.passage.deployed.counter.text(asking.body["input"])
                asking.usage = Usage(embedding_tokens=max(1, counted), estimated=True)
            await asking.passage.aclose(asking.error)
        breakdown = None
        if asking.usage is not None and asking.reservation is not None:
            book, at = asking.price_book or self._prices, asking.reservation.at
            tenant = asking.authenticated[0].tenant
            breakdown = price_usage(book, asking.target.model, at, asking.usage, tenant)
            asking.cost_text = format_amount(breakdown.total)
            asking.price_version, asking.currency = breakdown.price_version, breakdown.currency
        asking.timing.ended = self._clock.monotonic()
        settlement = settlement_of(asking, breakdown)
        if settlement is None:
            return  # nothing was reserved, nobody was asked
        assert asking.reservation is not None
        self._budgets.settle(asking.reservation, settlement.cost)
        status = 200 if asking.error is None else None
        record = request_record(asking, self._clock, status=status)
        await self._journal.outcome(asking.request_id, record, settlement)


def _turn(asking: Exchange) -> Turn:
    """A request waits for it, so it is as urgent as one."""
    principal, policy = asking.authenticated
    return Turn(principal.tenant, policy.routing.queue_weight, "interactive")
