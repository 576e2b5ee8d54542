"""``GET /v1/models`` and ``/v1/models/{id}``: the names that the caller's tenant may use."""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.clock import Clock, isoformat
from gateway.errors import UnknownModel
from gateway.http.connection import Connection
from gateway.pipeline.authenticate import Authenticate
from gateway.routing.targets import Router
from gateway.settings import TIER_ALIASES, PolicySettings

_TIERS = {
    "instant": "The smallest model: short, simple requests.",
    "flash": "Small and fast, without thinking.",
    "non-think": "The large model, without thinking.",
    "think-high": "The large model, thinking.",
    "think-max": "The large model, thinking as long as it takes.",
}
_AUTO = "The gateway chooses the tier that the request needs."


class Models:
    """Tiers and deployments in the OpenAI shape, or Anthropic's for its clients."""

    def __init__(self, authenticate: Authenticate, router: Router, clock: Clock) -> None:
        self._authenticate = authenticate
        self._router = router
        self._started = clock.now()

    async def __call__(self, connection: Connection) -> None:
        _, policy = await self._authenticate.who(connection)
        names = self._router.model_names(policy)
        data = [self._entry(name, connection, policy) for name in names]
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
        entry = self._entry(name, connection, policy)
        await connection.respond(200, [], msgspec.json.encode(entry))

    def _entry(self, name: str, connection: Connection, policy: PolicySettings) -> dict[str, Any]:
        if _is_anthropic(connection):
            created = isoformat(self._started)
            head = {"type": "model", "id": name, "display_name": name}
            return {**head, "created_at": created, "lifecycle": "active"}
        created_s = int(self._started.timestamp())
        head = {"id": name, "object": "model", "created": created_s, "owned_by": "sovgate"}
        return {**head, **self._more(name, policy)}

    def _more(self, name: str, policy: PolicySettings) -> dict[str, Any]:
        """What OpenAI's shape has no place for: kind, zones, and what a tier is."""
        if name == "auto":
            return {"kind": "router", "description": _AUTO}
        targets = self._router.targets(name, policy)
        zones = sorted({target.zone for target in targets})
        if targets[0].tier is None:
            return {"owned_by": targets[0].upstream, "kind": "deployment", "zones": zones}
        tier = TIER_ALIASES.get(name, name)
        return {"kind": "tier", "tier": tier, "zones": zones, "description": _TIERS.get(tier)}


def _is_anthropic(connection: Connection) -> bool:
    return b"anthropic-version" in connection.headers


def _one_page(names: Sequence[str]) -> dict[str, Any]:
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
    return {"has_more": False, "first_id": None, "last_id": None, **ends}
