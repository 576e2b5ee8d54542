"""In the place of stages 3 to 6: the gateway's own guard answers, and no upstream is asked."""

from billing import Usage
from billing.errors import UnpricedModel
from core.clock import Clock
from gateway.exchange import Exchange
from gateway.guarding import Guards
from gateway.pipeline.stage import Stage
from gateway.routing.targets import Route, Target
from gateway.surfaces.moderations import GUARD_MODEL, moderation_answer
from gateway.tokens import rule_of_thumb

_HERE = Target(None, "sovgate", "local", GUARD_MODEL)


class Moderate(Stage):
    """Judges the texts of a moderation request."""

    name = "moderate"

    def __init__(self, guards: Guards, clock: Clock) -> None:
        self._guards = guards
        self._clock = clock

    async def enter(self, exchange: Exchange) -> None:
        _, policy = exchange.authenticated
        texts = exchange.body["input"]
        exchange.route = Route(_HERE, "the gateway's own guard answers")
        exchange.timing.inspected = exchange.timing.routed = self._clock.monotonic()
        ratings = await self._guards.rate(texts)
        exchange.answer = moderation_answer(ratings, policy.moderation.threshold)
        if self._is_priced(exchange):
            tokens = sum(rule_of_thumb(text) for text in texts)
            exchange.usage = Usage(guard_tokens=tokens, estimated=True)

    def _is_priced(self, exchange: Exchange) -> bool:
        """Without a price of its own it costs nothing."""
        book, reservation = exchange.price_book, exchange.reservation
        if book is None or reservation is None:
            return False
        try:
            book.rate(GUARD_MODEL, reservation.at, tenant=reservation.tenant)
        except UnpricedModel:
            return False
        return True
