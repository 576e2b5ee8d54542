"""Stage 2: the request is read and checked; rate limits and money are set aside."""

import hashlib
import hmac
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from billing import BudgetKeeper
from billing.budgets.bounds import LearnedBounds
from billing.errors import UnpricedModel
from core.clock import Clock
from core.money import ZERO
from gateway.audit import Journal
from gateway.exchange import Exchange
from gateway.limits import Limiter
from gateway.pipeline.stage import Stage
from gateway.prices import PriceDesk
from gateway.pseudonyms import end_user_pseudonym
from gateway.records import intent_body
from gateway.routing.targets import Router, Target
from gateway.settings import Settings
from gateway.tokens import estimate_tokens

# Room for the chat template and for placeholders longer than what they stand for.
_TEMPLATE_TOKENS = 512


class Admit(Stage):
    """Reads the body, resolves the model name, counts against limits, reserves money.

    The reservation is the worst case: every byte of the body a token (a
    byte-level vocabulary cannot make more of it), twice over for placeholders,
    and the whole output limit, at the dearest target that may serve it; or less, where
    ``bounds`` have learned what requests really use.
    """

    name = "admit"

    def __init__(
        self,
        settings: Settings,
        router: Router,
        limiter: Limiter,
        prices: PriceDesk,
        budgets: BudgetKeeper,
        journal: Journal,
        clock: Clock,
        pepper: bytes,
        bounds: LearnedBounds | None = None,
    ) -> None:
        self._settings = settings
        self._router = router
        self._limiter = limiter
        self._prices = prices
        self._budgets = budgets
        self._journal = journal
        self._clock = clock
        self._pepper = pepper
        self._bounds = bounds

    async def enter(self, exchange: Exchange) -> None:
        principal, policy = exchange.authenticated
        limits, surface = self._settings.limits, exchange.surface
        most = surface.body_limit(self._settings.server.max_body_bytes, limits)
        raw = await exchange.connection.read_body(most)
        exchange.connection.watch()
        exchange.body_bytes = len(raw)
        exchange.body = surface.receive(exchange, raw, limits)
        await surface.expand(exchange)
        body = exchange.body
        exchange.stream = body.get("stream") is True
        exchange.end_user = self._pseudonym(principal.tenant, body)
        exchange.targets = surface.targets(body, self._router, policy)
        output_tokens = surface.output_tokens(body, limits)
        exchange.permit = await self._limiter.acquire(
            (
                (f"tenant:{principal.tenant}", principal.tenant_limits),
                (f"key:{principal.key_id}", principal.limits),
            ),
            estimate_tokens(exchange.body_bytes),
        )
        at = self._clock.now()
        exchange.price_book = self._prices.book
        exchange.reservation = await self._budgets.reserve(
            request_id=exchange.request_id,
            tenant=principal.tenant,
            project_id=principal.project_id,
            key_id=principal.key_id,
            amount=self._worst_case(exchange, at, exchange.body_bytes, output_tokens),
            organisation=principal.organisation,
            end_user=exchange.end_user,
            at=at,
        )
        # On disk by the time the guards are done; the call waits for it.
        exchange.intent = self._journal.intent(exchange.request_id, intent_body(exchange))
        exchange.timing.admitted = self._clock.monotonic()

    async def leave(self, exchange: Exchange) -> None:
        if exchange.permit is not None:
            usage = exchange.usage
            used = 0 if usage is None else usage.prompt_tokens + usage.completion_tokens
            await self._limiter.release(exchange.permit, used)

    def _worst_case(
        self, exchange: Exchange, at: datetime, body_bytes: int, output_tokens: int
    ) -> Decimal:
        input_tokens = 2 * body_bytes + _TEMPLATE_TOKENS
        tenant = exchange.authenticated[0].tenant
        batch = exchange.priority == "batch"
        worst = self._guard_cost(exchange, at, body_bytes)
        # Whoever answers in the end: a fallback may be dearer.
        for target in [each for one in exchange.targets for each in (one, *one.fallbacks)]:
            sent, written = input_tokens, output_tokens
            if self._bounds is not None:
                sent = self._bounds.input_tokens(target.model, body_bytes, sent)
                written = self._bounds.output_tokens(target.model, written)
            worst = max(worst, self._worst_case_at(target, tenant, at, sent, written, batch))
        return worst

    def _guard_cost(self, exchange: Exchange, at: datetime, body_bytes: int) -> Decimal:
        """Where a guard of the gateway's own answers; nothing as long as it has no price."""
        model, book = exchange.surface.guard_model, exchange.price_book
        if model is None or book is None:
            return ZERO
        tenant = exchange.authenticated[0].tenant
        try:
            return book.worst_case(model, at, 0, 0, tenant=tenant, max_guard_tokens=body_bytes)
        except UnpricedModel:
            return ZERO

    def _worst_case_at(
        self,
        target: Target,
        tenant: str,
        at: datetime,
        input_tokens: int,
        output_tokens: int,
        batch: bool,
    ) -> Decimal:
        try:
            return self._prices.worst_case(
                target.model,
                at,
                input_tokens,
                output_tokens,
                tenant=tenant,
                max_worker_seconds=_seconds(target.timeout_s),
                batch=batch,
            )
        except UnpricedModel:
            if self._settings.billing.unpriced == "refuse":
                raise
            return ZERO

    def _pseudonym(self, tenant: str, body: dict[str, Any]) -> str | None:
        """Replace the client's names for its end user by keyed hashes."""
        pseudonym = None
        for name in ("safety_identifier", "user"):
            value = body.get(name)
            if value is not None:
                pseudonym = body[name] = end_user_pseudonym(self._pepper, tenant, value)
        if isinstance(body.get("prompt_cache_key"), str):
            text = f"{tenant}\0{body['prompt_cache_key']}".encode("utf-8", "surrogatepass")
            body["prompt_cache_key"] = hmac.digest(self._pepper, text, hashlib.sha256).hex()[:32]
        return pseudonym


@lru_cache(maxsize=64)
def _seconds(timeout_s: float) -> Decimal:
    """Settings have few of them, and each request would make the same one of it."""
    return Decimal(str(timeout_s))
