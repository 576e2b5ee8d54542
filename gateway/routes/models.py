"""``GET /v1/models`` and ``/v1/models/{id}``: the names that the caller's tenant may use."""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.clock import Clock, isoformat
from gateway.errors import UnknownModel
from gateway.http.connection import Connection
from gateway.pipeline.authenticate import Authenticate
from gateway.routing.targets import Router


class Models:
    """Tiers and deployments in the OpenAI shape, or Anthropic's for its clients."""

    def __init__(self, authenticate: Authenticate, router: Router, clock: Clock) -> None:
        self._authenticate = authenticate
        self._router = router
        self._started = clock.now()

    async def __call__(self, connection: Connection) -> None:
        _, policy = await self._authenticate.who(connection)
        names = self._router.model_names(policy)
        data = [self._entry(name, connection) for name in names]
        listing: dict[str, Any] = {"object": "list", "data": data}
        if _is_anthropic(connection):
            listing = {"data": data, **_one_page(names)}
        await connection.respond(200, [], msgspec.json.encode(listing))

    async def show(self, connection: Connection) -> None:
        """One name; those with a slash in them have their first part as ``owner``."""
        _, policy = await self._authenticate.who(connection)
        name = "/".join(connection.path.values())
        if name not in self._router.model_names(policy):
            raise UnknownModel(
                "There is no such model here; GET /v1/models lists the names that you may use.",
                param="model",
            )
        entry = self._entry(name, connection)
        await connection.respond(200, [], msgspec.json.encode(entry))

    def _entry(self, name: str, connection: Connection) -> dict[str, Any]:
        if _is_anthropic(connection):
            created = isoformat(self._started)
            head = {"type": "model", "id": name, "display_name": name}
            return {**head, "created_at": created, "lifecycle": "active"}
        created_s = int(self._started.timestamp())
        return {"id": name, "object": "model", "created": created_s, "owned_by": "sovgate"}


def _is_anthropic(connection: Connection) -> bool:
    return b"anthropic-version" in connection.headers


def _one_page(names: Sequence[str]) -> dict[str, Any]:
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
    return {"has_more": False, "first_id": None, "last_id": None, **ends}
