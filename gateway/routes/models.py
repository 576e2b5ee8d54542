"""``GET /v1/models``: the names that the caller's tenant may use."""

import msgspec

from core.clock import Clock
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
        _, policy = await self._authenticate.who(connection)
        data = [
            {"id": name, "object": "model", "created": self._created, "owned_by": "sovgate"}
            for name in self._router.model_names(policy)
        ]
        await connection.respond(200, [], msgspec.json.encode({"object": "list", "data": data}))
