"""``GET /v1/models``: the names that the caller's tenant may use."""

import msgspec

from core.clock import Clock
from gateway.exchange import Exchange, Timing
from gateway.http.connection import Connection
from gateway.pipeline.authenticate import Authenticate
from gateway.routing.targets import Router


class Models:
    """Lists tiers and deployments in the OpenAI shape."""

    def __init__(self, authenticate: Authenticate, router: Router, clock: Clock) -> None:
        self._authenticate = authenticate
        self._router = router
        self._clock = clock
        self._created = int(clock.now().timestamp())

    async def __call__(self, connection: Connection) -> None:
        exchange = Exchange(
            "", "models", connection, self._clock.now(), Timing(self._clock.monotonic())
        )
        await self._authenticate.enter(exchange)
        assert exchange.policy is not None, "set by authenticate"
        data = [
            {"id": name, "object": "model", "created": self._created, "owned_by": "sovgate"}
            for name in self._router.model_names(exchange.policy)
        ]
        await connection.respond(200, [], msgspec.json.encode({"object": "list", "data": data}))
