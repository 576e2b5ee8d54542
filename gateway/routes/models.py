"""``GET /v1/models``: the names that the caller's tenant may use."""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.clock import Clock, isoformat
from gateway.http.connection import Connection
from gateway.pipeline.authenticate import Authenticate
from gateway.routing.targets import Router


class Models:
    """Lists tiers and deployments in the OpenAI shape, or Anthropic's for its clients."""

    def __init__(self, authenticate: Authenticate, router: Router, clock: Clock) -> None:
        self._authenticate = authenticate
        self._router = router
        self._clock = clock
        self._started = clock.now()

    async def __call__(self, connection: Connection) -> None:
        _, policy = await self._authenticate.who(connection)
        names = self._router.model_names(policy)
        is_anthropic = b"anthropic-version" in connection.headers
        listing = self._for_anthropic(names) if is_anthropic else self._for_openai(names)
        await connection.respond(200, [], msgspec.json.encode(listing))

    def _for_openai(self, names: Sequence[str]) -> dict[str, Any]:
        created = int(self._started.timestamp())
        data = [
            {"id": name, "object": "model", "created": created, "owned_by": "sovgate"}
            for name in names
        ]
        return {"object": "list", "data": data}

    def _for_anthropic(self, names: Sequence[str]) -> dict[str, Any]:
        """All of them on one page."""
        created = isoformat(self._started)
        data = [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": created,
                "lifecycle": "active",
            }
            for name in names
        ]
        ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
        return {"data": data, "has_more": False, "first_id": None, "last_id": None, **ends}
