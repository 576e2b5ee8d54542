"""Stage 4: tier, then upstream."""

from gateway.exchange import Exchange
from gateway.pipeline.stage import Stage
from gateway.routing.targets import Router


class ChooseRoute(Stage):
    """Sees the masked body only: what the router learns is what an upstream may see."""

    name = "route"

    def __init__(self, router: Router) -> None:
        self._router = router

    async def enter(self, exchange: Exchange) -> None:
        principal, policy = exchange.authenticated
        exchange.route = self._router.choose(
            exchange.targets, exchange.body, policy, tenant=principal.tenant
        )
